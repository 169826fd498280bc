package lab

import (
	"testing"

	"err32/smb"
)

// TestShortNames asks for the 8.3 names of files and opens the files by them.
func TestShortNames(t *testing.T) {
	h := newHand(t)
	defer h.close()
	seen := make(map[string]string)
	for _, name := range []string{
		"a.txt", "A LONG NAME.text", "a long name 2.text", "Überlänge.html", ".hidden", "two.dots.txt", "12345678.123", "123456789.123", "ending.", "日本語",
	} {
		id := h.open(name, 0)
		h.write(id, 0, []byte(name))
		body := h.want(smb.StatusSuccess, &smb.QueryInfoRequest{Type: smb.InfoFile, Class: smb.FileAlternateNameInformation, FileID: id, MaxOutput: 100})
		var short smb.AlternateNameInfo
		if err := smb.ParseInfo(body.(*smb.QueryInfoResponse).Output, &short); err != nil {
			t.Fatal(err)
		}
		if !isShortName(short.Name) || seen[short.Name] != "" {
			t.Errorf("%q has the short name %q (%q has it too)", name, short.Name, seen[short.Name])
		}
		seen[short.Name] = name
		body = h.want(smb.StatusSuccess, &smb.CreateRequest{Name: short.Name, Access: smb.FileReadData, Share: 7, Disposition: smb.OpenFile})
		if body == nil {
			continue
		}
		if got := h.read(body.(*smb.CreateResponse).FileID, 0, 100); string(got) != name {
			t.Errorf("%q opened as %q holds %q", name, short.Name, got)
		}
	}
	for name, want := range map[string]bool{
		"A": true, "12345678.123": true, "a.b": true, "123456789": false, "a.1234": false, ".a": false, "a.": false, "a.b.c": false, "a b": false, "ä": false, "a+b": false, "": false,
	} {
		if got := isShortName(name); got != want {
			t.Errorf("%q is an 8.3 name: %v", name, got)
		}
	}
}
