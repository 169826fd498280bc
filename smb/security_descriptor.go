package smb

import (
	"fmt"
	"math"
)

// The parts of a security descriptor that a QUERY_INFO or SET_INFO is about, in
// Additional, [MS-SMB2] 2.2.37.
const (
	OwnerSecurity     uint32 = 0x00000001 // OWNER_SECURITY_INFORMATION
	GroupSecurity     uint32 = 0x00000002 // GROUP_SECURITY_INFORMATION
	DACLSecurity      uint32 = 0x00000004 // DACL_SECURITY_INFORMATION
	SACLSecurity      uint32 = 0x00000008 // SACL_SECURITY_INFORMATION
	LabelSecurity     uint32 = 0x00000010 // LABEL_SECURITY_INFORMATION
	AttributeSecurity uint32 = 0x00000020 // ATTRIBUTE_SECURITY_INFORMATION
	ScopeSecurity     uint32 = 0x00000040 // SCOPE_SECURITY_INFORMATION
	BackupSecurity    uint32 = 0x00010000 // BACKUP_SECURITY_INFORMATION
)

// SecurityControl are the Control bits of a security descriptor,
// [MS-DTYP] 2.4.6.
type SecurityControl uint16

// The control bits.
const (
	OwnerDefaulted       SecurityControl = 0x0001 // OD
	GroupDefaulted       SecurityControl = 0x0002 // GD
	DACLPresent          SecurityControl = 0x0004 // DP
	DACLDefaulted        SecurityControl = 0x0008 // DD
	SACLPresent          SecurityControl = 0x0010 // SP
	SACLDefaulted        SecurityControl = 0x0020 // SD
	DACLTrusted          SecurityControl = 0x0040 // DT
	ServerSecurity       SecurityControl = 0x0080 // SS
	DACLInheritRequired  SecurityControl = 0x0100 // DC
	SACLInheritRequired  SecurityControl = 0x0200 // SC
	DACLAutoInherited    SecurityControl = 0x0400 // DI
	SACLAutoInherited    SecurityControl = 0x0800 // SI
	DACLProtected        SecurityControl = 0x1000 // PD
	SACLProtected        SecurityControl = 0x2000 // PS
	RMControlValid       SecurityControl = 0x4000 // RM
	SecuritySelfRelative SecurityControl = 0x8000 // SR
)

// securityDescriptorSize is the length of the fixed part.
const securityDescriptorSize = 20

// SecurityDescriptor says who owns an object and who may do what with it,
// [MS-DTYP] 2.4.6, in its self-relative form.
type SecurityDescriptor struct {
	// Control is what a parsed descriptor held. AppendTo adds the bits that
	// follow from the rest: SecuritySelfRelative, and DACLPresent and
	// SACLPresent where there is a list.
	Control SecurityControl

	RMControl    uint8 // with RMControlValid
	Owner, Group SID   // zero for none

	// DACL allows and denies. A nil list with DACLPresent allows everybody
	// everything, an empty one nobody anything.
	DACL []ACE
	SACL []ACE // what is audited, and the integrity label
}

// ACEType is the kind of an ACE, [MS-DTYP] 2.4.4.1.
type ACEType uint8

// The ACE types that a file server meets.
const (
	AccessAllowedACE         ACEType = 0x00 // ACCESS_ALLOWED_ACE_TYPE
	AccessDeniedACE          ACEType = 0x01 // ACCESS_DENIED_ACE_TYPE
	SystemAuditACE           ACEType = 0x02 // SYSTEM_AUDIT_ACE_TYPE
	AccessAllowedCallbackACE ACEType = 0x09 // ACCESS_ALLOWED_CALLBACK_ACE_TYPE
	AccessDeniedCallbackACE  ACEType = 0x0A // ACCESS_DENIED_CALLBACK_ACE_TYPE
	SystemMandatoryLabelACE  ACEType = 0x11 // SYSTEM_MANDATORY_LABEL_ACE_TYPE
)

// hasSID reports whether the body begins with a mask and a SID. The others
// have GUIDs or nothing known there.
func (t ACEType) hasSID() bool {
	switch t {
	case 0x00, 0x01, 0x02, 0x03, 0x09, 0x0A, 0x0D, 0x0E, 0x11, 0x12, 0x13:
		return true
	}
	return false
}

// ACEFlags say to which objects an ACE applies, [MS-DTYP] 2.4.4.1.
type ACEFlags uint8

// The ACE flags.
const (
	ObjectInheritACE      ACEFlags = 0x01 // OBJECT_INHERIT_ACE
	ContainerInheritACE   ACEFlags = 0x02 // CONTAINER_INHERIT_ACE
	NoPropagateInheritACE ACEFlags = 0x04 // NO_PROPAGATE_INHERIT_ACE
	InheritOnlyACE        ACEFlags = 0x08 // INHERIT_ONLY_ACE
	InheritedACE          ACEFlags = 0x10 // INHERITED_ACE
	SuccessfulAccessACE   ACEFlags = 0x40 // SUCCESSFUL_ACCESS_ACE_FLAG
	FailedAccessACE       ACEFlags = 0x80 // FAILED_ACCESS_ACE_FLAG
)

// ACE is one entry of an access control list, [MS-DTYP] 2.4.4.
type ACE struct {
	Type  ACEType
	Flags ACEFlags
	Mask  AccessMask
	SID   SID
	Data  []byte // what follows the SID; the whole body of the types that have GUIDs, which Mask and SID are not read from
}

// AppendTo appends the self-relative form to b. A list holds 64 KiB at most:
// entries beyond that are left out.
func (sd *SecurityDescriptor) AppendTo(b []byte) []byte {
	start := len(b)
	control := sd.Control | SecuritySelfRelative
	if sd.DACL != nil {
		control |= DACLPresent
	}
	if sd.SACL != nil {
		control |= SACLPresent
	}
	b = append(b, 1, sd.RMControl)
	b = le.AppendUint16(b, uint16(control))
	offsets := len(b) // OffsetOwner, OffsetGroup, OffsetSacl, OffsetDacl
	b = appendZero(b, 16)
	for i, sid := range [...]SID{sd.Owner, sd.Group} {
		if !sid.IsZero() {
			le.PutUint32(b[offsets+4*i:], uint32(len(b)-start))
			b = sid.appendTo(b)
		}
	}
	for i, acl := range [...][]ACE{sd.SACL, sd.DACL} {
		if acl != nil {
			le.PutUint32(b[offsets+8+4*i:], uint32(len(b)-start))
			b = appendACL(b, acl)
		}
	}
	return b
}

// appendACL appends a list, [MS-DTYP] 2.4.5.
func appendACL(b []byte, acl []ACE) []byte {
	start := len(b)
	revision, count := byte(2), uint16(0)
	b = appendZero(b, 8)
	for _, ace := range acl {
		if b = ace.appendTo(b); len(b)-start > math.MaxUint16 {
			break
		}
		if !ace.Type.hasSID() {
			revision = 4 // ACL_REVISION_DS
		}
		count++
		le.PutUint16(b[start+2:], uint16(len(b)-start))
	}
	b[start] = revision
	size := max(8, le.Uint16(b[start+2:]))
	le.PutUint16(b[start+2:], size)
	le.PutUint16(b[start+4:], count)
	return b[:start+int(size)]
}

func (a *ACE) appendTo(b []byte) []byte {
	start := len(b)
	b = append(b, byte(a.Type), byte(a.Flags), 0, 0)
	if a.Type.hasSID() {
		b = le.AppendUint32(b, uint32(a.Mask))
		b = a.SID.appendTo(b)
	}
	b = append(b, a.Data...)
	b = appendZero(b, -(len(b)-start)&3)
	le.PutUint16(b[start+2:], uint16(len(b)-start))
	return b
}

// ParseSecurityDescriptor decodes the self-relative form. Data of entries
// aliases b.
func ParseSecurityDescriptor(b []byte) (*SecurityDescriptor, error) {
	d := &decoder{what: "SECURITY_DESCRIPTOR", msg: b}
	if revision := d.u8("Revision"); d.err == nil && revision != 1 {
		d.fail("Revision", "is %d, not 1", revision)
	}
	sd := &SecurityDescriptor{RMControl: d.u8("Sbz1"), Control: SecurityControl(d.u16("Control"))}
	if sd.Control&SecuritySelfRelative == 0 {
		d.fail("Control", "is 0x%04X, without SR: the descriptor is not self-relative", uint16(sd.Control))
	}
	owner, group := d.u32("OffsetOwner"), d.u32("OffsetGroup")
	sacl, dacl := d.u32("OffsetSacl"), d.u32("OffsetDacl")
	sd.Owner, sd.Group = d.sidAt("OwnerSid", owner), d.sidAt("GroupSid", group)
	if sd.Control&SACLPresent != 0 {
		sd.SACL = d.aclAt("Sacl", sacl)
	}
	if sd.Control&DACLPresent != 0 {
		sd.DACL = d.aclAt("Dacl", dacl)
	}
	if d.err != nil {
		return nil, d.err
	}
	return sd, nil
}

// sub returns a decoder of what stands at off; nil when off is 0, which means
// that there is nothing.
func (d *decoder) sub(field string, off uint32) *decoder {
	if d.err != nil || off == 0 {
		return nil
	}
	if off < securityDescriptorSize || uint64(off) > uint64(len(d.msg)) {
		d.fail(field, "at offset %d is outside the %d-byte descriptor", off, len(d.msg))
		return nil
	}
	return &decoder{what: d.what, msg: d.msg, off: uint64(off)}
}

func (d *decoder) sidAt(field string, off uint32) (s SID) {
	if sub := d.sub(field, off); sub != nil {
		s = sub.sid(field)
		d.err = sub.err
	}
	return s
}

func (d *decoder) aclAt(field string, off uint32) (acl []ACE) {
	if sub := d.sub(field, off); sub != nil {
		acl = sub.acl(field)
		d.err = sub.err
	}
	return acl
}

// acl reads a list, which is not nil.
func (d *decoder) acl(field string) []ACE {
	start := d.off
	d.skip(field+".AclRevision", 2)
	size, count := d.u16(field+".AclSize"), d.u16(field+".AceCount")
	d.skip(field+".Sbz2", 2)
	d.off = start
	if size < 8 {
		d.fail(field+".AclSize", "is %d", size)
	}
	body := d.next(field, uint64(size))
	list := &decoder{what: d.what, msg: body, off: 8, err: d.err}
	acl := []ACE{}
	for i := 0; i < int(count) && list.err == nil; i++ {
		acl = append(acl, list.ace(fmt.Sprintf("%s.Ace[%d]", field, i)))
	}
	d.err = list.err
	return acl
}

func (d *decoder) ace(field string) ACE {
	start := d.off
	a := ACE{Type: ACEType(d.u8(field + ".AceType")), Flags: ACEFlags(d.u8(field + ".AceFlags"))}
	size := d.u16(field + ".AceSize")
	if size < 8 || size%4 != 0 {
		d.fail(field+".AceSize", "is %d", size)
	}
	d.off = start
	b := d.next(field, uint64(size))
	body := &decoder{what: d.what, msg: b, off: 4, err: d.err}
	if a.Type.hasSID() {
		a.Mask = AccessMask(body.u32(field + ".Mask"))
		a.SID = body.sid(field + ".Sid")
	}
	if body.err == nil && body.off < uint64(len(body.msg)) {
		a.Data = body.msg[body.off:]
	}
	d.err = body.err
	return a
}
