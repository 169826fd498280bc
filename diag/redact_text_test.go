package diag

import (
	"strings"
	"testing"
)

// site is a Redactor that knows the names of a place.
func site() *Redactor {
	r := NewRedactor()
	r.User(`EXAMPLE\alice`)              // domain-1, user-1
	r.User("Jane Doe")                   // user-2
	r.User("lab")                        // user-3, also an ordinary word
	r.User("practice")                   // user-4
	r.User("al")                         // user-5
	r.Host("fs01.example.net")           // host-1
	r.Host("FS01")                       // host-2
	r.Host("10.20.0.7")                  // host-3
	r.Share("share")                     // share-1, also an ordinary word
	r.Share("projects")                  // share-2
	r.Path(`data\My plans\Q3 plan.xlsx`) // path-1, path-2, path-3.xlsx
	r.Path("open")                       // path-4
	r.Path("2026")                       // path-5
	return r
}

func TestRedactText(t *testing.T) {
	for give, want := range map[string]string{
		// Known names, at the edges of words, in any case.
		"alice":                        "user-1",
		"Ask Alice on FS01.":           "Ask user-1 on host-2.",
		"alice's open, ALICE":          "user-1's open, user-1",
		"malice and alicebob stay":     "malice and alicebob stay",
		"Jane Doe has it":              "user-2 has it",
		"fs01 and fs01.example.net":    "host-2 and host-1",
		"nas.example.net, fs01.other.": "host-4, host-5.",
		"(projects)":                   "(share-2)",
		"al on fs01, always":           "user-5 on host-2, always",

		// What kept a run from logging on.
		`no password for user "kim" (from --user), and no terminal to ask on: give --user USER%PASSWORD, or`: `no password for user "user-6" (from --user), and no terminal to ask on: give --user USER%PASSWORD, or`,
		`no password for user "EXAMPLE\\kim" (from USER)`:                                                    `no password for user "domain-1\\user-6" (from USER)`,
		`the user "kim" from USER and the user "ann" of the authentication file differ`:                      `the user "user-6" from USER and the user "user-7" of the authentication file differ`,
		`PASSWD_FILE: open secrets/kim pw: no such file or directory`:                                        `PASSWD_FILE: open path-6/path-7: no such file or directory`,
		`PASSWD_FILE: the first line of kim.pw is empty; --no-pass uses an empty password`:                   `PASSWD_FILE: the first line of path-6.pw is empty; --no-pass uses an empty password`,
		`secrets/kim.pw can be read by others (mode 0644); chmod 600 secrets/kim.pw`:                         `path-6/path-7.pw can be read by others (mode 0644); chmod 600 path-6/path-7.pw`,

		// Where a record of the run was to be.
		`No record of the session could be written (open C:\Users\Ann Mary Lee\err32\session-1.json: Access is denied.): should this run`: `No record of the session could be written (open C:\path-6\path-7\path-8\path-9.json: Access is denied.): should this run`,
		`read the records of killed runs in /home/ann mary lee/err32`:                                                                     `read the records of killed runs in /path-6/path-7/path-8`,

		// Paths.
		`data\My plans\Q3 plan.xlsx is refused now.`:                   `path-1\path-2\path-3.xlsx is refused now.`,
		`open data\My plans\new.txt: no`:                               `open path-1\path-2\path-6.txt: no`,
		`data/My plans/Q3 plan.xlsx`:                                   `path-1/path-2/path-3.xlsx`,
		`\\fs01\projects\data\My plans\Q3 plan.xlsx.`:                  `\\host-2\share-2\path-1\path-2\path-3.xlsx.`,
		`//fs01:4450/projects/data could not be removed: no`:           `//host-2:4450/share-2/path-1 could not be removed: no`,
		`connect to //[fe80::1]:445/projects: refused`:                 `connect to //host-4:445/share-2: refused`,
		`smb://EXAMPLE;alice@fs01/projects/data`:                       `smb://domain-1;user-1@host-2/share-2/path-1`,
		`see https://learn.microsoft.com/en-us/x for fs01`:             `see https://learn.microsoft.com/en-us/x for host-2`,
		`C:\srv\data\x.log, D:\other`:                                  `C:\path-6\path-1\path-7.log, D:\path-8`,
		`in /home/bob/.local/state/err32/x.json: no`:                   `in /path-6/path-7/path-8/path-9/path-10/path-11.json: no`,
		`notes.alice, \plan.alice`:                                     `notes.user-1, \path-6`,
		`secret\place\thing.docx and \odd`:                             `path-6\path-7\path-8.docx and \path-9`,
		`data\My plans\Q3 plan.xlsx:hidden is a stream`:                `path-1\path-2\path-3.xlsx:path-6 is a stream`,
		`the path "C:\\srv\\a b\\c.txt" is bad`:                        `the path "C:\\path-6\\path-7\\path-8.txt" is bad`,
		`could not read '\\fs01\projects\a new place\x'`:               `could not read '\\host-2\share-2\path-6\path-7'`,
		`Ask who: ` + "`err32 who //fs01/projects/data/…`":             `Ask who: ` + "`err32 who //host-2/share-2/path-1/…`",
		"`err32 table //fs01 --path 'data\\a b.txt'` lists who has it": "`err32 table //host-2 --path 'path-1\\path-6.txt'` lists who has it",
		"err32-0a1b2c3d.tmp, data\\err32-0a1b2c3d.tmp":                 "err32-0a1b2c3d.tmp, path-1\\err32-0a1b2c3d.tmp",
		`\srvsvc and \PIPE\srvsvc, IPC$`:                               `\srvsvc and \PIPE\srvsvc, IPC$`,

		// Users with their domains.
		`EXAMPLE\alice's`:         `domain-1\user-1's`,
		`EXAMPLE\Jane Doe is`:     `domain-1\user-2 is`,
		`EXAMPLE\carol meets`:     `domain-1\user-6 meets`,
		`OTHER\alice`:             `domain-2\user-1`,
		`bob@example.net`:         `user-6@domain-2`,
		`"EXAMPLE\\alice" (from)`: `"domain-1\\user-1" (from)`,
		`BUILTIN\Administrators, mapped once, (net rpc rights grant 'DOMAIN\user' SeDiskOperatorPrivilege)`: `BUILTIN\Administrators, mapped once, (net rpc rights grant 'DOMAIN\user' SeDiskOperatorPrivilege)`,

		// Addresses.
		"10.20.0.7:51044 → 10.20.0.4:445":                   "host-3:51044 → host-4:445",
		"from 10.20.0.9.":                                   "from host-4.",
		"from ::1, [::1]:445, fe80::2%eth0: and 2001:DB8::": "from host-4, host-4:445, host-5: and host-6",
		"00:1a:2B:3c:4d:5e and 00-1A-2B-3C-4D-5E":           "host-4 and host-5",

		// What is no name.
		"([MS-SMB2] 3.3.4.6, 3.3.5.9.6, 3.3.5.9.10, documented)":           "([MS-SMB2] 3.3.4.6, 3.3.5.9.6, 3.3.5.9.10, documented)",
		"[MS-SMB2] 3.3.5.9 and [MS-SRVS] 2.2.4.11 to 2.2.4.15":             "[MS-SMB2] 3.3.5.9 and [MS-SRVS] 2.2.4.11 to 2.2.4.15",
		"SMB 3.1.1, AES-128-GMAC, linux/amd64, Samba 4.17.12-Debian, 10.0": "SMB 3.1.1, AES-128-GMAC, linux/amd64, Samba 4.17.12-Debian, 10.0",
		"10.0.20348.1 and 1.2.3.4.5":                                       "10.0.20348.1 and 1.2.3.4.5",
		"09:14:02.113, 2026-08-05 09:14:02, 0x1F:0x2A, x::$DATA":           "09:14:02.113, 2026-08-05 09:14:02, 0x1F:0x2A, x::$DATA",
		"read/write and/or TCP_KEEPIDLE=60, 50 % of 2026":                  "read/write and/or TCP_KEEPIDLE=60, 50 % of 2026",
		"err32 repro -U USER //SERVER/SHARE.":                              "err32 repro -U USER //SERVER/SHARE.",
		"`net rpc file close ID` or Close-SmbOpenFile":                     "`net rpc file close ID` or Close-SmbOpenFile",

		// Names that are ordinary words.
		"an open with access read+write, share none, of the lab": "an open with access read+write, share none, of the lab",
		"open 0x1F of lab on 10.20.0.7: share":                   "open 0x1F of user-3 on host-3: share",
		`//fs01/share/open/2026`:                                 `//host-2/share-1/path-4/path-5`,
		`share\open`:                                             `share-1\path-4`,
		`the share "share", the user 'lab'`:                      `the share "share-1", the user 'user-3'`,
		"err32 table --of-user=lab --client FS01 -U lab //fs01":  "err32 table --of-user=user-3 --client host-2 -U user-3 //host-2",
		"practice makes":                                         "user-4 makes",

		// Names that a phrase of err32's has and nothing else.
		`\srvsvc, NAS7, The files of ACME`:    `\srvsvc, host-4, (its comment)`,
		`\srvsvc, NAS7, Samba 4.17.12-Debian`: `\srvsvc, host-4, Samba 4.17.12-Debian`,
		`A killed run left session 0x1F of EXAMPLE\zoe on nas7 port 445, which is not this server's.`: `A killed run left session 0x1F of domain-1\user-6 on host-4 port 445, which is not this server's.`,
		`left by err32 hold, process 1, which began x and had some thing.txt, notes of share ours`:    `left by err32 hold, process 1, which began x and had path-6.txt, path-7 of share share-3`,
		`the id means another open by now: C:\x y\z of mallory`:                                       `the id means another open by now: C:\path-6\path-7 of user-6`,
		`2 sessions of mallory, Zoe X, live or not, with 3 opens`:                                     `2 sessions of user-6, user-7, live or not, with 3 opens`,
		`SMB 3.1.1, AES-128-GMAC, carol`:                                                              `SMB 3.1.1, AES-128-GMAC, user-6`,
		`the name "nas9" could not be resolved: no such host`:                                         `the name "host-4" could not be resolved: no such host`,
	} {
		if got := site().Text(give); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", give, got, want)
		}
	}
}

// What stands for names holds none, so a second look at a text must find none.
func FuzzRedactText(f *testing.F) {
	for _, s := range []string{
		`\\fs01\share\data\x: alice on 10.20.0.7, "Q3 plan.xlsx"`, `//[fe80::1%1]:445/a/b`, "smb://a;b@c/d", "[MS-SMB2] 3.3.5.9", `--path='a b' -U x`,
		`C:\`, `\`, `\\`, `//`, `\\?\C:\x`, `""`, `'`, "::1", "[", "1.2.3.4:5", "EXAMPLE\\", "data\\", "a@b.c", "\xff\\\xfe", `\srvsvc, a, b`, `share\`, `data/x`, "İ\\ı", `\:$alice`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := site()
		once := r.Text(s)
		for _, name := range []string{"alice", "Jane Doe", "fs01.example.net", "My plans", "Q3 plan.xlsx"} {
			if i := wordIndex(once, name); i >= 0 {
				t.Errorf("%q became %q, with %q at %d", s, once, name, i)
			}
		}
		if len(once) > 200*len(s)+200 {
			t.Errorf("%d bytes became %d", len(s), len(once))
		}
	})
}

// wordIndex is where a name stands in a text as a word of its own, else -1.
func wordIndex(s, name string) int {
	text, want := words(s), words(name)
	for i := range text {
		if i+len(want) > len(text) {
			break
		}
		same := true
		for j := range want {
			same = same && text[i+j].key == want[j].key
		}
		if same {
			return text[i].begin
		}
	}
	return -1
}

func TestRedactCommand(t *testing.T) {
	for give, want := range map[string]string{
		`err32 repro --user='EXAMPLE\alice' --wait=30s --share=none --access=rw '//fs01/share/My plans'`: `err32 repro '--user=domain-1\user-1' --wait=30s --share=none --access=rw //host-2/share-1/path-2`,
		`err32 table --of-user=share --client=10.20.0.7 '--path=data\it'\''s' //fs01:4450`:               `err32 table --of-user=user-6 --client=host-3 '--path=path-1\path-6' //host-2:4450`,
		`err32 release --session=10.20.0.7,alice --yes fs01`:                                             `err32 release --session=host-3,user-1 --yes host-2`,
		`err32 who --authentication-file=/home/al/cred.txt --want=rw:none '\\fs01\projects\2026'`:        `err32 who --authentication-file=/path-6/path-7/path-8.txt --want=rw:none '\\host-2\share-2\path-5'`,
		`err32 hold --all -- //fs01/share/-x`:                                                            `err32 hold --all -- //host-2/share-1/path-6`,
		`err32 table smb://alice@fs01/share`:                                                             `err32 table smb://user-1@host-2/share-1`,
		`err32 report /home/al/run.json`:                                                                 `err32 report /path-6/path-7/path-8.json`,
		`err32 repro`:                                                                                    `err32 repro`,
		``:                                                                                               ``,
	} {
		r := site()
		if got := r.command(give); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", give, got, want)
		}
	}
	if n := len(splitShell(`a 'b c' d'e'f ''`)); n != 4 {
		t.Errorf("%d words", n)
	}
	if got := strings.Join(splitShell(`x 'it'\''s' y`), "|"); got != "x|it's|y" {
		t.Error(got)
	}
}
