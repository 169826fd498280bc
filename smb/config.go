package smb

import (
	"crypto/rand"
	"io"
	"time"
)

// Config says how to connect. The zero value, and a nil *Config, take every
// default. It must not be changed while a connection is being made from it.
type Config struct {
	// MinDialect and MaxDialect bound the dialects offered. Zero means the
	// oldest and the newest this package speaks.
	MinDialect, MaxDialect Dialect

	// Signing is Auto or Required.
	Signing Policy

	// Encryption is Auto, Required or Off. Required refuses a server that
	// cannot encrypt; Off does not offer any cipher.
	Encryption Policy

	// Ciphers and SigningAlgorithms are offered in this order. Nil means all,
	// the fastest first.
	Ciphers           []Cipher
	SigningAlgorithms []SigningAlgorithm

	// Timeout bounds each network step: connecting, and each request from
	// sending it to its final answer. Zero means no bound but the context's.
	Timeout time.Duration

	// Credits is how many requests of 64 KiB the client would like to have
	// under way at once. Zero means 512.
	Credits int

	// ClientGUID names the client to the server; the zero GUID means a random
	// one. Samba puts all connections of one ClientGuid into one process.
	ClientGUID GUID

	// Trace sees every message. It may be nil.
	Trace *Trace

	// Rand is where the client's GUID and salt come from. Nil means
	// crypto/rand.
	Rand io.Reader
}

const defaultCredits = 512

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.MinDialect == 0 {
		d.MinDialect = Dialects[0]
	}
	if d.MaxDialect == 0 {
		d.MaxDialect = Dialects[len(Dialects)-1]
	}
	if d.Ciphers == nil {
		d.Ciphers = []Cipher{CipherAES128GCM, CipherAES128CCM, CipherAES256GCM, CipherAES256CCM}
	}
	if d.SigningAlgorithms == nil {
		d.SigningAlgorithms = []SigningAlgorithm{SigningAESGMAC, SigningAESCMAC, SigningHMACSHA256}
	}
	if d.Credits == 0 {
		d.Credits = defaultCredits
	}
	if d.Rand == nil {
		d.Rand = rand.Reader
	}
	return d
}
