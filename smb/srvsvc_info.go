package smb

import "slices"

// infoCall holds what the Netr*GetInfo calls have in common.
type infoCall struct {
	level  uint32
	null   bool // the answer has no information
	result uint32
}

func (c *infoCall) returned() Win32Error { return Win32Error(c.result) }

// begin reports whether the level asked for is one of levels; if not, the
// answer is ERROR_INVALID_LEVEL.
func (c *infoCall) begin(levels []uint32) bool {
	if !slices.Contains(levels, c.level) {
		c.end(ErrorInvalidLevel)
		return false
	}
	return true
}

func (c *infoCall) end(code Win32Error) {
	c.result, c.null = uint32(code), code != 0
}

// infoResponse lays out a response: a union that has the levels arms, with the
// structure of layout. Behind a level that is none of them there is nothing.
func (c *infoCall) infoResponse(n *ndr, arms []uint32, layout func(*ndr)) {
	n.constant("switch value", c.level)
	if slices.Contains(arms, c.level) {
		present := !c.null
		n.pointer("InfoStruct", &present)
		if c.null = !present; present {
			n.structure(layout)
		}
	}
	n.uint32("return value", &c.result)
}
