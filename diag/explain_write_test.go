package diag

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"err32/smb"
)

// Every reading that can come up keeps within the page.
func TestExplanationWidth(t *testing.T) {
	var queries []string
	for _, s := range smb.Statuses() {
		queries = append(queries, s.String())
	}
	for _, code := range smb.Win32Codes() {
		queries = append(queries, fmt.Sprint(code))
	}
	queries = append(queries, "access 0xffffffff", "share none", "permissions 0xffffffff", "0x103", "0x80070005", "0x4242")
	for _, query := range queries {
		e := mustExplain(t, query)
		for _, width := range []int{80, 120} {
			var text bytes.Buffer
			if err := e.WriteText(&text, width); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(&text)
			for lines.Scan() {
				line := lines.Text()
				if len(line) > width {
					t.Errorf("%s: %d columns at width %d: %s", query, len(line), width, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: blanks at the end of %q", query, line)
				}
				for _, c := range line {
					if c < ' ' || c > '~' {
						t.Errorf("%s: %q in %q", query, c, line)
					}
				}
			}
		}
	}
}

const text32 = `32 ERROR_SHARING_VIOLATION (Win32 error)

  NTSTATUS  0xC0000043 STATUS_SHARING_VIOLATION
  Meaning   Another open of the same file does not share the access you ask for,
            or has an access that you do not share. Only read, write and delete
            access are compared; an open that looks at attributes alone never
            conflicts. The client behind the other open may be long gone: after
            a lost connection a server can keep the open for hours.
  To do     1. List who has it open: err32 table //SERVER --path PATH. This
               needs administrator rights on the server.
            2. If its user is at work, ask them to close the file.
            3. Close a listed open whose client is gone. Windows: Computer
               Management, Shared Folders, Open Files, or net file ID /close.
               Samba: net rpc file close ID -S SERVER -U USER. ID is decimal.
               Then list again: the answer to the close alone proves nothing.
            4. If nothing is listed: look for a program on the server itself,
               ask from another client (the open may be your own client's), and
               note that ksmbd lists no opens.
            5. To see how long this server keeps an open whose client is gone:
               err32 repro --disconnect vanish //SERVER/SHARE.
  Source    [MS-FSA] 2.1.5.1.2.2, [MS-SMB2] 3.3.5.9
`

func TestExplanationText(t *testing.T) {
	e := mustExplain(t, "32")
	var text bytes.Buffer
	if err := e.WriteText(&text, 80); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != text32 {
		t.Errorf("at width 80:\n%s\nwant:\n%s", got, text32)
	}
	var wide bytes.Buffer
	if err := e.WriteText(&wide, 120); err != nil {
		t.Fatal(err)
	}
	if a, b := strings.Fields(wide.String()), strings.Fields(text32); !slices.Equal(a, b) {
		t.Errorf("at width 120 the words differ: %q", a)
	}
	if a, b := strings.Count(wide.String(), "\n"), strings.Count(text32, "\n"); a >= b {
		t.Errorf("%d lines at width 120, %d at width 80", a, b)
	}
}

func TestExplanationWriteError(t *testing.T) {
	closed, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if err := mustExplain(t, "32").WriteText(closed, 80); err == nil {
		t.Error("writing to a closed file succeeded")
	}
}
