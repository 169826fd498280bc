// Command err32 shows why a server says error 32 for a file that nobody seems
// to have open.
//
// What it writes, and where:
//
//   - The report goes to stdout, as a page or (--json) as one object and
//     nothing else. So do help that was asked for and hold's line "ready",
//     which goes to stderr where the report is no page of text.
//   - All else goes to stderr: "err32: error: …", "err32: warning: …",
//     "err32: hint: …", and, only on a terminal, one line of progress. No
//     capital at the start, no full stop at the end.
//   - Usage errors (exit code 2) leave stdout empty.
//   - No password or hash is written anywhere; a command line that is shown
//     corrected has *** in their place.
//   - A stdout that nobody reads any more ends the run quietly, after clean-up.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"err32/diag"
	"err32/diag/cmdline"
	"err32/smb"
	"err32/smb/lab"
)

var tool = diag.Tool{Version: "0.1.0", OS: runtime.GOOS, Arch: runtime.GOARCH}

func main() { os.Exit(run(os.Args[1:])) }

// run is the whole program; what it returns is the exit code.
func run(words []string) int {
	// It is the server that works. With more threads every message is handed
	// from one to another: a quarter more CPU, and no sooner done.
	runtime.GOMAXPROCS(1)
	signal.Ignore(syscall.SIGPIPE) // the write tells of it, and the run can clean up
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // under nohup it stays ignored
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	p := &program{}
	app := p.app()
	line, err := cmdline.Line(declared(app.Commands), words)
	p.again = func(user string) string {
		return cmdline.Again(declared(app.Commands), words, user, outputNames...)
	}
	if err == nil {
		err = cmp.Or(app.RunContext(ctx, line), p.err)
	}
	switch {
	case p.pipeBroken() && errors.Is(err, syscall.EPIPE):
		return cmp.Or(p.code, exitFailed)
	case err == nil:
		return p.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	for line := range strings.Lines(err.Error()) { // of several, one in each
		say("error", strings.TrimSuffix(line, "\n"))
	}
	var usage *cmdline.UsageError
	if !errors.As(err, &usage) {
		return exitFailed
	}
	if usage.Hint != "" {
		say("hint", "write "+usage.Hint)
	}
	return exitUsage
}

// The exit codes that no report decides; [diag.Report.ExitCode] has the others.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// say writes one message to stderr.
func say(kind, text string) { fmt.Fprintf(os.Stderr, "err32: %s: %s\n", kind, text) }

// program is one run; as a Writer it is stdout.
type program struct {
	code     int
	progress *cmdline.Progress        // while a run goes on
	err      error                    // of the first write that failed: the help's printer drops it
	again    func(user string) string // the command line of a run as a user, for the report
	outputs  *diag.Outputs            // once the run has begun
}

func (p *program) Write(b []byte) (int, error) {
	n, err := os.Stdout.Write(b)
	p.err = cmp.Or(p.err, err)
	return n, err
}

// pipeBroken reports whether nobody reads stdout any more.
func (p *program) pipeBroken() bool { return errors.Is(p.err, syscall.EPIPE) }

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                      "err32",
		Usage:                     "why the server says error 32 for a file that nobody has open",
		HideHelp:                  true,
		HideVersion:               true,
		Writer:                    p,
		ErrWriter:                 os.Stderr,
		ExitErrHandler:            func(*cli.Context, error) {}, // run maps errors to exit codes
		CustomAppHelpTemplate:     cmdline.AppManual,
		DisableSliceFlagSeparator: true, // a password may hold a comma
		Commands: []*cli.Command{
			{Name: "repro", Usage: "hold a file, go away, watch until the server frees it", ArgsUsage: "[TARGET]", Description: cmdline.ReproManual, Flags: append(reproFlags(), sharedFlags()...), Action: p.repro},
			{Name: "hold", Usage: "open files and hold them", ArgsUsage: "TARGET…", Description: cmdline.HoldManual, Flags: append(holdFlags(), sharedFlags()...), Action: p.hold},
			{Name: "table", Usage: "the server's sessions, connections and opens", ArgsUsage: "//SERVER[/SHARE[/PATH]]", Description: cmdline.TableManual, Flags: append(tableFlags(), sharedFlags()...), Action: p.table},
			{Name: "who", Usage: "who has a file open, live or stale, and what would be let in", ArgsUsage: "TARGET…", Description: cmdline.WhoManual, Flags: append(whoFlags(), sharedFlags()...), Action: p.who},
			{Name: "release", Usage: "end an open or a session that stands in the way", ArgsUsage: "//SERVER[/SHARE[/PATH]]", Description: cmdline.ReleaseManual, Flags: append(releaseFlags(), sharedFlags()...), Action: p.release},
			{Name: "explain", Usage: "what a code or a mask means here, and what to do", ArgsUsage: "CODE…", Description: cmdline.ExplainManual, Flags: outputFlags(), Action: p.explain},
			{Name: "report", Usage: "write a saved run again, or compare two", ArgsUsage: "FILE.json…", Description: cmdline.ReportManual, Flags: reportFlags(), Action: p.report},
			{Name: "lab", Usage: "serve the built-in practice server", Description: cmdline.LabManual(faultList()), Flags: labFlags(), Action: p.lab},
			{Name: "completion", Usage: "a script that makes a shell complete err32's commands", ArgsUsage: "SHELL", Description: cmdline.CompletionManual, Action: p.completion},
			{Name: "version", Usage: "the version of err32, of Go, and the system", Description: "Examples:\n  err32 version\n  err32 version --json", Flags: outputFlags(), Action: p.version},
			{Name: "help", Usage: "this text, or the help of one command", ArgsUsage: "[COMMAND]", Description: "Examples:\n  err32 help repro\n  err32 repro --help", Action: p.help},
		},
	}
	for _, c := range app.Commands {
		c.HideHelp = true // cmdline.Line turns --help into the help command
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return cmdline.Usagef("%v", err) }
	}
	return app
}

// declared is what package cmdline has to know of the commands.
func declared(all []*cli.Command) []cmdline.Command {
	var commands []cmdline.Command
	for _, c := range all {
		d := cmdline.Command{Name: c.Name, Usage: c.Usage, Arguments: c.ArgsUsage, Description: c.Description}
		for _, f := range c.Flags {
			d.Flags = append(d.Flags, f.(cmdline.Flag))
		}
		commands = append(commands, d)
	}
	return commands
}

func reproFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "disconnect", Value: smb.DefaultDisconnect().String(), Usage: "KIND: how the client goes away: close, logoff, fin, rst, vanish, freeze or leak"},
		&cli.StringFlag{Name: "access", Value: "rw", Usage: "LETTERS: what the holder asks for: r read, w write, x execute, a append, d delete; or a mask such as 0x12019f"},
		&cli.StringFlag{Name: "share", Value: "none", Usage: "LETTERS: what the holder lets others do: r read, w write, d delete; or none"},
		&cli.StringFlag{Name: "wait", Value: "30s", Usage: "DUR: for how long to wait for the file"},
		&cli.StringFlag{Name: "interval", Value: "100ms", Usage: "DUR: pause between two tries; 0 is none"},
		&cli.StringFlag{Name: "retry-from", Value: "other", Usage: "CLIENT: who tries again: other, or same, the holder's own client"},
		&cli.StringFlag{Name: "retry-with", Value: "stock", Usage: "PROGRAM: what tries again: stock, an unmodified library (go-smb2), or own, err32's client"},
		&cli.StringFlag{Name: "case", Usage: "NAME: sender-disconnect (q153260) or handle-leak (q277673), which opens the file 10 times and sets what is not given of --access, --share and --disconnect"},
	}
}

func holdFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "for", Usage: "DUR: for how long; without it until Ctrl-C, which is then the normal end"},
		&cli.StringFlag{Name: "disconnect", Value: "close", Usage: "KIND: how to leave: close, logoff, fin, rst, vanish, freeze or leak; the last three need --for"},
		&cli.StringFlag{Name: "access", Value: "rw", Usage: "LETTERS: what to ask for: r read, w write, x execute, a append, d delete; or a mask such as 0x12019f"},
		&cli.StringFlag{Name: "share", Value: "none", Usage: "LETTERS: what to let others do: r read, w write, d delete; or none"},
		&cli.StringFlag{Name: "count", Usage: "N: make N files, TARGET-000001 and so on, hold them, and remove them at the end; 1 to 1000000"},
		&cli.BoolFlag{Name: "all", Usage: "TARGET is a folder: hold every file below it, and make none"},
		&cli.StringFlag{Name: "ready-file", Usage: "FILE: write \"ready N\" to it once all N are held"},
	}
}

func tableFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "path", Usage: "TEXT: only opens with this in their path"},
		&cli.StringFlag{Name: "of-user", Usage: "NAME: only what is this user's; --user does the same where -U is given to log on with"},
		&cli.StringFlag{Name: "client", Usage: "HOST: only what is this client's, by name or address"},
	}
}

func whoFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "want", Value: "rw:none", Usage: "ACCESS[:SHARE]: the open to be judged, in the letters of repro's --access and --share; exit code 32 means it is refused. Without SHARE it shares everything"},
		&cli.BoolFlag{Name: "probe", Usage: "open and close the file for data, up to eight times; the side effects are below"},
		&cli.StringFlag{Name: "probe-timeout", Value: "2s", Usage: "DUR: how long a client that caches the file may take to give way to a probe"},
		&cli.BoolFlag{Name: "recursive", Usage: "TARGET is a folder: every held file below it"},
	}
}

func releaseFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "open", Usage: "ID: the open with this id in the server's table"},
		&cli.StringFlag{Name: "path", Usage: "PATH: the one open of this file: below TARGET's share, with the share before it, or the server's own path"},
		&cli.StringFlag{Name: "session", Usage: "CLIENT[,USER]: every session of this client, or of this user on it, with every open they have"},
		&cli.StringFlag{Name: "previous-session", Usage: "0x…: a dead session of the same user, by its id; takes no right but the user's own"},
		&cli.BoolFlag{Name: "stale", Usage: "every open below TARGET that who calls stale"},
		&cli.BoolFlag{Name: "mine", Usage: "what killed runs of err32 have left on this server, as this user"},
		&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		&cli.BoolFlag{Name: "dry-run", Usage: "say what would be done, and do nothing"},
	}
}

func labFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:4445", Usage: "HOST:PORT: where to serve; port 0 takes a free one, 0.0.0.0:4445 is every network this machine is on"},
		&cli.StringSliceFlag{Name: "user", Aliases: []string{"U"}, Usage: "NAME%PASSWORD: who may log on, the first as administrator; may be given again. Without it a user \"lab\" with a random password"},
		&cli.StringSliceFlag{Name: "share", Usage: "NAME: a share to serve, empty and in memory; may be given again. Without it one named \"share\""},
		&cli.StringFlag{Name: "temperament", Value: "windows", Usage: "KIND: whose habits the server has: windows, samba or nt4"},
		&cli.StringFlag{Name: "linger", Usage: "DUR: how long the opens of a lost connection stay, from the client's last request on; with nt4 those of a silent client too"},
		&cli.StringFlag{Name: "keepalive", Usage: "DUR: after how long without a sign of life the server takes a connection for lost, 4s or more; else as the temperament has it"},
		&cli.StringFlag{Name: "ready-file", Usage: "FILE: write \"ready HOST:PORT\" to it once the server serves"},
		&cli.StringSliceFlag{Name: "fault", Usage: "FAULT: something to do wrong, may be given again; the list is below"},
		&cli.StringFlag{Name: "max-protocol", Value: "3.1.1", Usage: "DIALECT: 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1"},
		&cli.StringFlag{Name: "signing", Value: "auto", Usage: "WHEN: auto or required"},
		&cli.StringFlag{Name: "encrypt", Value: "auto", Usage: "WHEN: auto, required or off"},
	}
}

// sharedFlags are those of every command that talks to a server.
func sharedFlags() []cli.Flag {
	const logOn, connection = "Log-on", "Connection"
	return append([]cli.Flag{
		&cli.StringFlag{Category: logOn, Name: "user", Aliases: []string{"U"}, Usage: "NAME: [DOMAIN\\]USER[%PASSWORD]; else from the environment: USER, PASSWD, PASSWD_FILE, and the same with ERR32_ before them, which win"},
		&cli.StringFlag{Category: logOn, Name: "authentication-file", Aliases: []string{"A"}, Usage: "FILE: has the lines username=…, password=…, domain=…"},
		&cli.BoolFlag{Category: logOn, Name: "no-pass", Aliases: []string{"N"}, Usage: "no password; without a user, anonymous"},
		&cli.BoolFlag{Category: logOn, Name: "pw-nt-hash", Usage: "the password is the NT hash, in hexadecimal"},
		&cli.StringFlag{Category: logOn, Name: "use-kerberos", Value: "off", Usage: "WHEN: off, desired or required; Kerberos is not built yet"},
		&cli.StringFlag{Category: connection, Name: "port", Aliases: []string{"p"}, Usage: "N: TCP port, where TARGET has none; else 445"},
		&cli.StringFlag{Category: connection, Name: "timeout", Value: "10s", Usage: "DUR: limit of one network step"},
		&cli.StringFlag{Category: connection, Name: "max-protocol", Value: "3.1.1", Usage: "DIALECT: 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1"},
		&cli.StringFlag{Category: connection, Name: "signing", Value: "auto", Usage: "WHEN: auto or required"},
		&cli.StringFlag{Category: connection, Name: "encrypt", Value: "auto", Usage: "WHEN: auto, required or off"},
		&cli.StringFlag{Category: output, Name: "capture", Usage: "FILE.pcapng: write the run's SMB messages to FILE.pcapng, for Wireshark; log-on tokens are blanked"},
	}, reportFlags()...)
}

// outputFlags are those of commands that answer without a report.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: output, Name: "format", Value: "table", Usage: "FORMAT: table or json"},
		&cli.BoolFlag{Category: output, Name: "json", Usage: "short for --format json"},
	}
}

// reportFlags are those of commands that make a report.
func reportFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: output, Name: "format", Value: "table", Usage: "FORMAT: table, json, markdown, html, or csv, which has the opens only"},
		&cli.BoolFlag{Category: output, Name: "json", Usage: "short for --format json"},
		&cli.StringSliceFlag{Category: output, Name: "report", Usage: "FILE: also write the report to FILE, in the format of its ending: .txt .json .md .html .csv; may be given again"},
		&cli.StringFlag{Category: output, Name: "bundle", Usage: "FILE.zip: write a folder with the report as HTML, Markdown, CSV and JSON to FILE.zip; of a run also what --capture would write"},
		&cli.BoolFlag{Category: output, Name: "redact", Usage: "write pseudonyms for users, hosts, shares and files, on stdout and in every FILE; FILE.key.json, beside the first FILE, has the names and is for you alone"},
		&cli.BoolFlag{Category: output, Name: "force", Usage: "overwrite files that exist"},
	}
}

// output is the heading of these flags in the help.
const output = "Output"

// outputNames are the flags that say where a report goes, not what is done.
var outputNames = []string{"format", "json", "report", "bundle", "capture", "redact", "force"}

// parseDisconnect accepts the kinds that this OS can do.
func parseDisconnect(s string) (smb.DisconnectKind, error) {
	kind, err := smb.ParseDisconnect(s)
	if err == nil {
		err = kind.Supported()
	}
	return kind, err
}

func (p *program) help(c *cli.Context) error {
	topic := c.Args().First()
	if topic == "" {
		return cli.ShowAppHelp(c)
	}
	for _, d := range declared(c.App.Commands) {
		if d.Name == topic {
			_, err := io.WriteString(p, d.Help())
			return err
		}
	}
	return cmdline.Usagef("no command %q; err32 help lists the commands", topic)
}

func (p *program) completion(c *cli.Context) error {
	script, err := cmdline.Completion(c.Args().First(), declared(c.App.Commands))
	if err != nil {
		return cmdline.Usagef("SHELL: %v", err)
	}
	_, err = io.WriteString(p, script)
	return err
}

func (p *program) version(c *cli.Context) error {
	v := newValues(c)
	switch {
	case v.Err != nil:
		return v.Err
	case v.json:
		return p.object(map[string]any{"schema": diag.Schema, "command": c.Command.Name, "tool": tool, "go": runtime.Version()})
	}
	_, err := fmt.Fprintf(p, "err32 %s (%s, %s/%s)\n", tool.Version, runtime.Version(), tool.OS, tool.Arch)
	return err
}

func (p *program) explain(c *cli.Context) error {
	v := newValues(c)
	e, err := diag.Explain(c.Args().Slice())
	v.Fail(err)
	switch {
	case v.Err != nil:
		return v.Err
	case v.json:
		return p.object(struct {
			Schema  string `json:"schema"`
			Command string `json:"command"`
			*diag.Explanation
		}{diag.Schema, c.Command.Name, e})
	}
	return e.WriteText(p, cmdline.Width())
}

// object writes one JSON object.
func (p *program) object(o any) error {
	encoder := json.NewEncoder(p)
	encoder.SetIndent("", "  ")
	return encoder.Encode(o)
}

func (p *program) repro(c *cli.Context) error {
	v := newValues(c)
	name := ""
	if c.IsSet("case") {
		name = cmdline.Parsed(&v.Values, "case", cmdline.OneOf("sender-disconnect", "q153260", "handle-leak", "q277673"))
	}
	switch name {
	case "q153260": // the defaults are those of this case
		name = "sender-disconnect"
	case "q277673", "handle-leak":
		name = "handle-leak"
		for flag, value := range map[string]string{"access": "r", "share": "r", "disconnect": "leak"} {
			if !c.IsSet(flag) {
				v.Fail(c.Set(flag, value))
			}
		}
	}
	o := diag.ReproOptions{
		Disconnect: cmdline.Parsed(&v.Values, "disconnect", parseDisconnect),
		Access:     cmdline.Parsed(&v.Values, "access", smb.ParseAccess),
		Share:      cmdline.Parsed(&v.Values, "share", smb.ParseShare),
		Wait:       cmdline.Parsed(&v.Values, "wait", cmdline.ParseDuration),
		Interval:   cmdline.Parsed(&v.Values, "interval", cmdline.ParseDuration),
		RetryFrom:  cmdline.Parsed(&v.Values, "retry-from", cmdline.OneOf("other", "same")),
		RetryWith:  cmdline.Parsed(&v.Values, "retry-with", cmdline.OneOf("stock", "own")),
		StateDir:   cmdline.StateDir(),
		Case:       name,
	}
	if c.NArg() == 0 {
		server, err := p.practice(v, &o.Endpoint)
		if err != nil {
			return err
		}
		defer server.Close()
	} else {
		o.Endpoint = v.endpoint(v.target(0))
		v.Fail(o.Endpoint.Target.NeedShare())
		if err := p.logOn(v, &o.Endpoint); err != nil {
			return err
		}
	}
	o.OnEvent = func(e diag.Event) {
		if e.What == "try" {
			e.Detail = "for " + o.Wait.String() + ":"
		}
		p.showEvent(e)
	}
	return p.show(v, diag.Repro(c.Context, o))
}

// practiceLinger is how long the built-in server of a repro without TARGET keeps
// what a client left: long enough to be seen, short enough to be waited for.
const practiceLinger = 5 * time.Second

// practice starts the built-in server for a run that was given no TARGET.
func (p *program) practice(v *values, e *diag.Endpoint) (*lab.Server, error) {
	for _, flag := range []string{"user", "authentication-file", "no-pass", "pw-nt-hash", "port", "use-kerberos"} {
		if v.c.IsSet(flag) {
			v.Failf("--%s needs a TARGET; without one the run makes its own server, and its user", flag)
		}
	}
	user := lab.User{Name: "practice", Password: randomPassword(), Groups: []string{lab.Administrators}}
	server := lab.New()
	server.Temperament = lab.NT4().WithLinger(practiceLinger)
	server.Users = []lab.User{user}
	*e = v.endpoint(diag.Target{Share: server.Shares[0].Name})
	if v.Err != nil {
		return nil, v.Err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(server.Addr())
	e.Target.Server = host
	e.Target.Port, _ = diag.ParsePort(port)
	e.Credentials = diag.Credentials{User: user.Name, Password: user.Password}
	e.Lab = true
	if err := p.begin(v, e); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}

// randomPassword has 100 random bits or more, and no letter that a shell or a
// URL takes for something else.
func randomPassword() string { return rand.Text() }

// lab serves the practice server until Ctrl-C, which is its normal end.
func (p *program) lab(c *cli.Context) error {
	v := &values{Values: cmdline.Values{Flags: c}, c: c}
	server := lab.New()
	server.Listen = cmdline.Parsed(&v.Values, "listen", parseListen)
	server.Temperament = cmdline.Parsed(&v.Values, "temperament", lab.TemperamentNamed)
	if c.IsSet("linger") {
		parse := cmdline.ParseDuration
		if server.Temperament.Name == "nt4" { // where 0 would be for ever
			parse = cmdline.ParsePositive
		}
		server.Temperament = server.Temperament.WithLinger(cmdline.Parsed(&v.Values, "linger", parse))
	}
	if c.IsSet("keepalive") {
		keepalive := cmdline.Parsed(&v.Values, "keepalive", cmdline.ParsePositive)
		if keepalive < lab.LeastKeepAlive {
			v.Failf("--keepalive: %v is less than %v, the shortest that TCP can do here", keepalive, lab.LeastKeepAlive)
		}
		server.Temperament = server.Temperament.WithKeepAlive(keepalive)
	}
	server.MaxDialect = cmdline.Parsed(&v.Values, "max-protocol", smb.ParseDialect)
	server.Encryption = cmdline.Parsed(&v.Values, "encrypt", smb.ParsePolicy)
	if cmdline.Parsed(&v.Values, "signing", cmdline.OneOf("auto", "required")) == "required" {
		server.Signing = smb.Required
	}
	for _, text := range c.StringSlice("fault") {
		fault, err := lab.ParseFault(text)
		if err != nil {
			v.Failf("--fault: %w", err)
		}
		server.Faults = append(server.Faults, fault)
	}
	if names := c.StringSlice("share"); len(names) > 0 {
		server.Shares = nil
		for _, name := range names {
			server.Shares = append(server.Shares, lab.Share{Name: name})
		}
	}
	made := v.labUsers(server)
	v.Fail(server.Check())
	ready := c.String("ready-file")
	if c.IsSet("ready-file") && ready == "" {
		v.Failf("--ready-file is empty")
	}
	if ready != "" && v.Err == nil {
		v.Fail(cmdline.RemoveReadyFile(ready))
	}
	if v.Err != nil {
		return v.Err
	}
	ctx, unread := context.WithCancel(c.Context)
	defer unread()
	var stdout sync.Mutex // the log must not stand within the welcome
	server.Log = func(e lab.Event) {
		stdout.Lock()
		defer stdout.Unlock()
		if _, err := fmt.Fprintln(p, e); err != nil {
			unread() // nobody reads what the server does: it ends
		}
	}
	stdout.Lock()
	if err := server.Start(); err != nil {
		stdout.Unlock()
		return err
	}
	if host, _, _ := net.SplitHostPort(server.Addr()); !net.ParseIP(host).IsLoopback() {
		say("warning", "the practice server is open to other machines on "+server.Addr())
	}
	defer server.Close()
	p.labWelcome(server, made)
	stdout.Unlock()
	if ready != "" {
		if err := cmdline.WriteReadyFile(ready, server.Addr()); err != nil {
			return err
		}
		defer os.Remove(ready) // it would name a server that is gone
	}
	<-ctx.Done()
	return server.Close()
}

// faultList is what the help says of each fault.
func faultList() [][2]string {
	var list [][2]string
	for _, kind := range lab.Faults() {
		name, value := kind.Name, kind.Value
		if optional, ok := strings.CutPrefix(value, "["); ok {
			name += "[=" + optional
		} else if value != "" {
			name += "=" + value
		}
		list = append(list, [2]string{name, kind.Text})
	}
	return list
}

// parseListen reads HOST:PORT. The host is not left out by mistake: that would
// open the server to every network.
func parseListen(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || strings.TrimSpace(s) != s {
		return "", fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:4445; 0.0.0.0:4445 is every network this machine is on", s)
	}
	if _, err := cmdline.Within(0, 65535)(port); err != nil {
		return "", fmt.Errorf("the port %w; 0 takes a free one", err)
	}
	return s, nil
}

// labUsers reads the users, and makes one if none is given; made is its
// password.
func (v *values) labUsers(server *lab.Server) (made string) {
	for _, text := range v.c.StringSlice("user") {
		name, password, ok := strings.Cut(text, "%")
		if !ok || name == "" || password == "" {
			v.Failf("--user %q is not NAME%%PASSWORD", name)
		}
		server.Users = append(server.Users, lab.User{Name: name, Password: password})
	}
	if len(server.Users) == 0 {
		made = randomPassword()
		server.Users = []lab.User{{Name: "lab", Password: made}}
	}
	server.Users[0].Groups = []string{lab.Administrators}
	return made
}

// labWelcome says how to connect. A password is shown only if it was made here.
func (p *program) labWelcome(server *lab.Server, made string) {
	host, port, _ := net.SplitHostPort(server.Addr())
	if ip := net.ParseIP(host); ip.IsUnspecified() && ip.To4() != nil {
		host = "127.0.0.1"
	} else if ip.IsUnspecified() {
		host = "::1"
	}
	user, share := server.Users[0].Name, server.Shares[0].Name
	logOn := user
	if made != "" {
		logOn += "%" + made
	}
	unc, target := host, host // in a UNC path an IPv6 address is a name of its own
	if strings.Contains(host, ":") {
		unc, target = strings.ReplaceAll(host, ":", "-")+".ipv6-literal.net", "["+host+"]"
	}
	fmt.Fprintf(p, `The practice server listens on %s, with the temperament %s.
  err32      err32 repro -p %s -U %s %s
  smbclient  smbclient -p %s -U %s %s
  Explorer   net use * "\\%s\%s" /tcpport:%s /user:"%s"   (Windows 11 24H2, Server 2025 and later)
Ctrl-C ends it.
`, server.Addr(), server.Temperament.Name,
		port, quoted(logOn), quoted("//"+target+"/"+share), port, quoted(logOn), quoted("//"+host+"/"+share), unc, share, port, user)
}

// quoted is a word as a shell reads it back.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (p *program) hold(c *cli.Context) error {
	debug.SetGCPercent(50) // messages go by, and little of them is kept
	v := newValues(c)
	o := diag.HoldOptions{
		Endpoint:   v.endpoint(v.target(0)),
		Disconnect: cmdline.Parsed(&v.Values, "disconnect", parseDisconnect),
		Access:     cmdline.Parsed(&v.Values, "access", smb.ParseAccess),
		Share:      cmdline.Parsed(&v.Values, "share", smb.ParseShare),
		All:        c.Bool("all"),
		StateDir:   cmdline.StateDir(),
	}
	if c.IsSet("for") {
		o.For = cmdline.Parsed(&v.Values, "for", cmdline.ParsePositive)
	} else if k := o.Disconnect; k == smb.DisconnectVanish || k == smb.DisconnectFreeze || k == smb.DisconnectLeak {
		v.Failf("--disconnect %s needs --for DUR: hold for DUR, go away like that, then stay until Ctrl-C, for what is left behind on the server lasts no longer than this process", k)
	}
	if c.IsSet("count") {
		o.Count = cmdline.Parsed(&v.Values, "count", cmdline.Within(1, 1_000_000))
	}
	v.holdTargets(&o)
	ready := c.String("ready-file")
	if ready != "" && v.Err == nil {
		v.Fail(cmdline.RemoveReadyFile(ready))
	}
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	p.hide(o.Targets)
	o.OnEvent = p.outputs.Event
	o.OnProgress = p.progress.Count
	o.OnReady = func(held int) error {
		p.progress.End()
		if ready != "" {
			if err := cmdline.WriteReadyFile(ready, held); err != nil {
				return err
			}
		}
		var out io.Writer = p
		if v.format.Name != "table" { // a program reads it
			out = os.Stderr
		}
		_, err := fmt.Fprintln(out, "ready")
		p.progress = cmdline.NewProgress()
		p.progress.Show("holding; Ctrl-C ends it")
		return err
	}
	return p.show(v, diag.Hold(c.Context, o))
}

// besides reads argument i, which must be on the share of the first one.
func (v *values) besides(first diag.Target, i int) diag.Target {
	t := v.target(i)
	v.Fail(t.NeedShare())
	command := v.c.Command.Name
	switch {
	case !strings.EqualFold(t.Address(), first.Address()) || !strings.EqualFold(t.Share, first.Share):
		v.Failf("%s and %s are not on one server and share; %s takes TARGETs of one share", first, t, command)
	case t.User != "" && (t.User != first.User || t.Domain != first.Domain):
		v.Failf("the URLs name two users; %s logs on as one", command)
	}
	return t
}

// holdTargets reads the TARGETs, and says how they do not go together.
func (v *values) holdTargets(o *diag.HoldOptions) {
	first, n := o.Endpoint.Target, v.c.NArg()
	if o.Count > 0 && o.All || n > 1 && (o.Count > 0 || o.All) {
		v.Failf("--count, --all and several TARGETs exclude each other")
	}
	for i := range n {
		t := v.besides(first, i)
		switch {
		case o.Count > 0 && t.Path == "":
			v.Failf("--count needs a NAME: %s/NAME makes NAME-000001 and so on", t)
		case o.Count > 0 && strings.Contains(t.Path, ":"):
			v.Failf("--count makes files, and %s names a stream", t)
		case t.Path == "" && !o.All:
			v.Failf("%s names no file; write %s/FILE, or give --all for every file below it", t, t)
		}
		o.Targets = append(o.Targets, t)
	}
}

func (p *program) table(c *cli.Context) error {
	v := newValues(c)
	o := diag.TableOptions{
		Endpoint: v.endpoint(v.target(0)),
		Path:     c.String("path"),
		User:     c.String("of-user"),
		Client:   c.String("client"),
	}
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	redactor := p.outputs.Redactor()
	redactor.User(o.User)
	redactor.Host(o.Client)
	redactor.Path(o.Path)
	o.OnEvent = p.showEvent
	return p.show(v, diag.Table(c.Context, o))
}

func (p *program) who(c *cli.Context) error {
	v := newValues(c)
	o := diag.WhoOptions{
		Endpoint:     v.endpoint(v.target(0)),
		Recursive:    c.Bool("recursive"),
		Probe:        c.Bool("probe"),
		ProbeTimeout: cmdline.Parsed(&v.Values, "probe-timeout", cmdline.ParsePositive),
	}
	want := cmdline.Parsed(&v.Values, "want", diag.ParseWanted)
	o.WantAccess, o.WantShare = want.Access, want.Share
	for i := range c.NArg() {
		t := v.besides(o.Endpoint.Target, i)
		if t.Path == "" && !o.Recursive {
			v.Failf("%s names no file; write %s/FILE, or give --recursive for every held file below it", t, t)
		}
		o.Targets = append(o.Targets, t)
	}
	if o.Recursive && len(o.Targets) > 1 {
		v.Failf("--recursive takes one TARGET, a folder")
	}
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	p.hide(o.Targets)
	o.OnEvent = p.showEvent
	return p.show(v, diag.Who(c.Context, o))
}

func (p *program) release(c *cli.Context) error {
	v := newValues(c)
	o := diag.ReleaseOptions{
		Endpoint: v.endpoint(v.target(0)),
		Open:     c.String("open"),
		Path:     c.String("path"),
		Stale:    c.Bool("stale"),
		Mine:     c.Bool("mine"),
		StateDir: cmdline.StateDir(),
		DryRun:   c.Bool("dry-run"),
	}
	given := 0
	for _, flag := range []string{"open", "path", "session", "previous-session", "stale", "mine"} {
		if !c.IsSet(flag) {
			continue
		}
		if given++; c.String(flag) == "" {
			v.Failf("--%s is empty", flag)
		}
	}
	if given != 1 {
		v.Failf("release ends one kind of thing: give one of --open, --path, --session, --previous-session, --stale and --mine")
	}
	if c.IsSet("open") {
		cmdline.Parsed(&v.Values, "open", parseOpenID)
	}
	if c.IsSet("previous-session") {
		o.PreviousSession = cmdline.Parsed(&v.Values, "previous-session", parseSessionID)
	}
	if c.IsSet("session") {
		if o.Client, o.User, _ = strings.Cut(c.String("session"), ","); o.Client == "" {
			v.Failf("--session %q names no client", c.String("session"))
		}
	}
	if path := o.Endpoint.Target.Path; path != "" && o.Path != "" {
		v.Failf("TARGET names the path %s, and --path another: give one of them to --path, and //SERVER/SHARE as TARGET", path)
	}
	if !c.Bool("yes") && !o.DryRun {
		if v.Err == nil && !cmdline.CanAsk() {
			v.Failf("there is no terminal to ask on: give --yes to go on without, or --dry-run to see what would be done")
		}
		o.Confirm = func(text string) (bool, error) {
			p.progress.End()
			p.progress = nil
			return cmdline.Confirm(c.Context, text)
		}
	}
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	redactor := p.outputs.Redactor()
	redactor.User(o.User)
	redactor.Host(o.Client)
	redactor.Path(o.Path)
	o.OnEvent = p.showEvent
	return p.show(v, diag.Free(c.Context, o))
}

// parseOpenID reads the id of an open as table and who show it.
func parseOpenID(s string) (uint64, error) {
	id, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not the id of an open, such as 0x1F0003", s)
	}
	return id, nil
}

// parseSessionID reads a SessionId as repro and hold report it.
func parseSessionID(s string) (uint64, error) {
	id, err := strconv.ParseUint(s, 0, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%q is not the id of a session, such as 0x868AD3D3", s)
	}
	return id, nil
}

// showEvent tells of an event on the line of progress, but not of what goes on
// in the background all the time.
func (p *program) showEvent(e diag.Event) {
	p.outputs.Event(e)
	if e.What != "list" && e.What != "echo" {
		e = p.outputs.Redactor().Event(e)
		p.progress.Show(strings.Join(strings.Fields(e.Actor+": "+e.What+" "+e.Detail+" "+e.StatusName), " "))
	}
}

// values reads the flags that several commands share.
type values struct {
	cmdline.Values
	c       *cli.Context
	format  diag.Format
	json    bool // that is the format
	outputs diag.Outputs
}

func newValues(c *cli.Context) *values {
	v := &values{Values: cmdline.Values{Flags: c}, c: c}
	if c.Command.Name == "explain" || c.Command.Name == "version" { // they make no report
		cmdline.Parsed(&v.Values, "format", cmdline.OneOf("table", "json"))
	}
	v.format = cmdline.Parsed(&v.Values, "format", diag.ParseFormat)
	if c.Bool("json") && c.IsSet("format") && v.format.Name != "json" {
		v.Failf("--json and --format %s contradict each other", v.format.Name)
	} else if c.Bool("json") {
		v.format, _ = diag.ParseFormat("json")
	}
	v.json = v.format.Name == "json"
	v.outputs = diag.Outputs{
		Reports: c.StringSlice("report"), Bundle: c.String("bundle"), Capture: c.String("capture"),
		Force: c.Bool("force"), Redact: c.Bool("redact"),
	}
	for _, name := range []string{"bundle", "capture"} {
		if c.IsSet(name) && c.String(name) == "" {
			v.Failf("--%s is empty", name)
		}
	}
	v.Fail(v.outputs.Check())
	return v
}

// target reads argument i. --port counts where the target has no port.
func (v *values) target(i int) diag.Target {
	t, err := diag.ParseTarget(v.c.Args().Get(i))
	v.Fail(err)
	if !v.c.IsSet("port") {
		return t
	}
	port := cmdline.Parsed(&v.Values, "port", diag.ParsePort)
	if t.Port != 0 && t.Port != port {
		v.Failf("TARGET says port %d and --port says %d", t.Port, port)
	}
	t.Port = port
	return t
}

// endpoint reads all of an endpoint but the credentials.
func (v *values) endpoint(t diag.Target) diag.Endpoint {
	e := diag.Endpoint{
		Target:     t,
		Timeout:    cmdline.Parsed(&v.Values, "timeout", cmdline.ParsePositive),
		MaxDialect: cmdline.Parsed(&v.Values, "max-protocol", smb.ParseDialect),
		Encryption: cmdline.Parsed(&v.Values, "encrypt", smb.ParsePolicy),
		Version:    tool.Version,
	}
	if cmdline.Parsed(&v.Values, "signing", cmdline.OneOf("auto", "required")) == "required" {
		e.Signing = smb.Required
	}
	if cmdline.Parsed(&v.Values, "use-kerberos", cmdline.OneOf("off", "desired", "required")) == "required" {
		v.Failf("--use-kerberos=required: Kerberos is not built in yet; off and desired go on with NTLM")
	}
	if v.c.Bool("no-pass") && v.c.Bool("pw-nt-hash") {
		v.Failf("--no-pass and --pw-nt-hash contradict each other")
	}
	for _, name := range []string{"user", "authentication-file"} {
		if v.c.IsSet(name) && v.c.String(name) == "" {
			v.Failf("--%s is empty", name)
		}
	}
	return e
}

// logOn finds the credentials, once all else of the command line is right, and
// begins the run.
func (p *program) logOn(v *values, e *diag.Endpoint) error {
	c := v.c
	if v.Err != nil {
		return v.Err
	}
	if c.String("use-kerberos") == "desired" {
		say("warning", "Kerberos is not built in yet; going on with NTLM")
	}
	sources := diag.CredentialSources{
		User: c.String("user"), AuthFile: c.String("authentication-file"), NoPass: c.Bool("no-pass"), PWNTHash: c.Bool("pw-nt-hash"),
		LookupEnv: os.LookupEnv, URLUser: e.Target.User, URLDomain: e.Target.Domain,
	}
	if cmdline.CanAsk() {
		sources.Prompt = func(question string) (string, error) { return cmdline.Ask(c.Context, question) }
	}
	credentials, warnings, err := sources.Resolve()
	defer func() { // when it is known which names are not to be shown
		for _, w := range warnings {
			say("warning", v.outputs.Redactor().Text(w))
		}
	}()
	if err == nil {
		e.Credentials = credentials
		return p.begin(v, e)
	}
	if c.Context.Err() == nil {
		now, t := diag.Time{Time: time.Now()}, e.Target
		r := &diag.Report{
			Schema: diag.Schema, Command: c.Command.Name, Started: now, Finished: now,
			Tool: tool, Again: p.again(""), Incomplete: true,
			Target: &diag.TargetInfo{Server: t.Server, Port: cmp.Or(t.Port, diag.DefaultPort), Share: t.Share, Path: t.Path},
			Error:  &diag.RunError{Op: "log-on", Text: err.Error()},
		}
		r, failed := v.outputs.Write(r)
		err = errors.New(r.Error.Text)
		if v.json {
			err = errors.Join(err, diag.RenderJSON(p, r))
		}
		err = errors.Join(err, failed)
	}
	return err
}

// hide makes the names of more targets known to what replaces them.
func (p *program) hide(targets []diag.Target) {
	for _, t := range targets {
		p.outputs.Redactor().Path(t.Path)
	}
}

// begin begins a run on e: from now on there is a report to be made.
func (p *program) begin(v *values, e *diag.Endpoint) error {
	user := ""
	if !e.Lab && !e.Credentials.Anonymous {
		user = e.Credentials.String() // who may come from the environment
	}
	e.Again = p.again(user)
	if err := v.outputs.Begin(e); err != nil {
		return err
	}
	p.outputs = &v.outputs
	p.progress = cmdline.NewProgress()
	return nil
}

// show ends the run: it prints the report, and takes the exit code from it.
func (p *program) show(v *values, r *diag.Report) error {
	p.progress.End()
	p.code = r.ExitCode()
	r, err := v.outputs.Write(r) // first, in case nobody reads stdout any more
	if r.Error != nil && !p.pipeBroken() {
		say("error", diag.RenderError(r.Error))
	}
	return errors.Join(err, p.print(v, r))
}

// print writes the report to stdout. That nobody reads it is not said once more.
func (p *program) print(v *values, r *diag.Report) error {
	if v.outputs.Redact && v.outputs.KeyFile() == "" {
		say("hint", "what the pseudonyms stand for is written nowhere; with --report FILE it goes to FILE.key.json")
	}
	if err := v.format.Render(p, r, cmdline.Width()); err != nil && !p.pipeBroken() {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// report renders a saved run again, or what differs between two.
func (p *program) report(c *cli.Context) error {
	v := newValues(c)
	if c.NArg() > 2 {
		v.Failf("report takes one FILE.json, or two to compare, not %d", c.NArg())
	}
	if v.Err != nil {
		return v.Err
	}
	var saved []diag.SavedRun
	for _, file := range c.Args().Slice() {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		r, err := diag.ParseReport(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		saved = append(saved, diag.SavedRun{File: file, Report: r})
	}
	r := saved[0].Report
	if len(saved) == 2 {
		var err error
		if r, err = v.outputs.Compare(saved[0], saved[1], tool.Version); err != nil {
			return err
		}
	}
	r, err := v.outputs.Write(r)
	return errors.Join(err, p.print(v, r))
}
