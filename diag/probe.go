package diag

import (
	"context"
	"time"

	"err32/smb"
)

// The answers of a probe to one question about the holders.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown"
)

// Modes are access or share classes, each Yes, No or Unknown.
type Modes struct {
	Read   string `json:"read"`
	Write  string `json:"write"`
	Delete string `json:"delete"`
}

// unknownModes says nothing.
func unknownModes() Modes { return Modes{Unknown, Unknown, Unknown} }

// of returns the field of one class.
func (m *Modes) of(class smb.ShareAccess) *string {
	switch class {
	case smb.ShareRead:
		return &m.Read
	case smb.ShareWrite:
		return &m.Write
	}
	return &m.Delete
}

// HolderModes are what all opens of a file together have and share: Access is
// what at least one of them has, Share what every one of them shares. Opens
// without data access do not count, [MS-FSA] 2.1.5.1.2.2.
type HolderModes struct {
	Access Modes `json:"access"`
	Share  Modes `json:"share"`
}

// ProbeResult is one probe: an open that was closed at once.
type ProbeResult struct {
	Name       string   `json:"name"` // "P1" to "P6", and "wanted"
	Access     []string `json:"access"`
	Share      []string `json:"share"`
	Status     string   `json:"status"` // empty where it was not run or not answered
	StatusName string   `json:"status_name"`
	Pending    bool     `json:"pending"`           // STATUS_PENDING came first: another client caches the file
	Skipped    string   `json:"skipped,omitempty"` // why it was not run, or not answered
}

// classes are the access classes with the probe access of each.
var classes = []struct {
	share  smb.ShareAccess
	access smb.AccessMask
}{
	{smb.ShareRead, smb.FileReadData},
	{smb.ShareWrite, smb.FileWriteData},
	{smb.ShareDelete, smb.Delete},
}

// shareAll lets everyone do everything.
const shareAll = smb.ShareRead | smb.ShareWrite | smb.ShareDelete

// prober runs the data probes on one file.
type prober struct {
	tree     *smb.Tree
	path     string
	patience time.Duration
	allowed  smb.AccessMask // what the user may ask for, by the stat open
	noRead   string         // why success of a probe that denies reading says nothing; empty if it does
	noDelete string         // the same of one that denies deleting
	defeat   smb.AccessMask // added to the probe that denies reading
	record   func(ProbeResult, smb.Attempt)
	results  []ProbeResult
	gaveUp   bool // a client that caches the file did not give way to a probe
}

// run runs the six probes and decodes their answers. An error is what kept an
// answer from coming at all.
func (p *prober) run(ctx context.Context) (HolderModes, error) {
	h := HolderModes{unknownModes(), unknownModes()}
	var anchor smb.AccessMask
	for i, c := range classes {
		answer, err := p.data(ctx, probeNames[i], c.access, shareAll)
		if err != nil {
			return h, err
		}
		switch answer {
		case Yes: // refused
			*h.Share.of(c.share) = No
		case No:
			*h.Share.of(c.share) = Yes
			if anchor == 0 {
				anchor = c.access
			}
		}
	}
	for i, c := range classes {
		name := probeNames[3+i]
		if anchor == 0 {
			p.skip(name, 0, shareAll&^c.share, "none of P1 to P3 got in, and a refusal of this one would not tell why")
			continue
		}
		access := anchor
		if c.share == smb.ShareRead {
			access |= p.defeat
		}
		answer, err := p.data(ctx, name, access, shareAll&^c.share)
		if err != nil {
			return h, err
		}
		if answer == No && (c.share == smb.ShareRead && p.noRead != "" || c.share == smb.ShareDelete && p.noDelete != "") {
			answer = Unknown
		}
		*h.Access.of(c.share) = answer
	}
	return h, nil
}

// data runs one of the six, unless nothing can come of it: the user may not ask
// for the access, or a client keeps the server waiting, as it would again.
func (p *prober) data(ctx context.Context, name string, access smb.AccessMask, share smb.ShareAccess) (string, error) {
	if p.gaveUp {
		p.skip(name, access, share, "the probe before it was cancelled, and this one could have to wait as long")
		return Unknown, nil
	}
	if access&^p.allowed != 0 {
		p.skip(name, access, share, "the user may not ask for "+(access&^p.allowed).String())
		return Unknown, nil
	}
	return p.probe(ctx, name, access, share)
}

// probeNames are the names of the six probes: three that ask for an access
// class and share everything, three that deny one.
var probeNames = []string{"P1", "P2", "P3", "P4", "P5", "P6"}

// probe opens and closes the file. The answer is Yes for a sharing violation,
// No for success.
func (p *prober) probe(ctx context.Context, name string, access smb.AccessMask, share smb.ShareAccess) (string, error) {
	a, err := p.tree.TryCreate(ctx, probeRequest(p.path, access, share), p.patience)
	if err != nil {
		return Unknown, err
	}
	r := ProbeResult{Name: name, Access: expandAccess(access, 0).Classes().Words(), Share: share.Words(), Pending: a.Pending}
	answer := Unknown
	switch {
	case a.Cancelled:
		p.gaveUp = true
		r.Skipped = "a client that caches the file did not give way in time; the probe was cancelled"
	default:
		r.Status, r.StatusName = a.Status.Hex(), a.Status.String()
		switch a.Status {
		case smb.StatusSharingViolation:
			answer = Yes
		case smb.StatusSuccess:
			answer = No
		}
	}
	p.keep(r, a)
	return answer, nil
}

func (p *prober) skip(name string, access smb.AccessMask, share smb.ShareAccess, why string) {
	p.keep(ProbeResult{Name: name, Access: access.Classes().Words(), Share: share.Words(), Skipped: why}, smb.Attempt{Cancelled: true})
}

func (p *prober) keep(r ProbeResult, a smb.Attempt) {
	p.results = append(p.results, r)
	if p.record != nil {
		p.record(r, a)
	}
}

// probeRequest is the CREATE of a probe: it opens what is there, asks for no
// oplock, and follows or recalls nothing.
func probeRequest(path string, access smb.AccessMask, share smb.ShareAccess) *smb.CreateRequest {
	return &smb.CreateRequest{
		Name: path, Access: access, Share: share, Disposition: smb.OpenFile,
		Options: smb.NonDirectoryFile | smb.OpenReparsePoint | smb.OpenNoRecall,
	}
}

// allows tells whether an open with this access and share mode would be let in
// beside the holders: Yes, No, or Unknown where the modes that decide are not
// known. why names the class that decides. Generic bits are to be expanded
// before.
func (h *HolderModes) allows(access smb.AccessMask, share smb.ShareAccess) (answer, why string) {
	wanted := access.Classes()
	if wanted == 0 {
		return Yes, "it asks for no data access, which share modes do not touch"
	}
	answer = Yes
	for _, c := range classes {
		class := c.share.String()
		switch shared := *h.Share.of(c.share); {
		case wanted&c.share == 0 || shared == Yes:
		case shared == No:
			return No, "the holder does not share " + class
		default:
			answer, why = Unknown, "whether the holder shares "+class+" is not known"
		}
	}
	for _, c := range classes {
		class := c.share.String()
		switch has := *h.Access.of(c.share); {
		case share&c.share != 0 || has == No:
		case has == Yes:
			return No, "the holder has " + class + ", which the open would not share"
		default:
			if answer == Yes {
				answer, why = Unknown, "whether the holder has "+class+" is not known"
			}
		}
	}
	return answer, why
}
