package cmdline

import "strings"

// AppManual is what `err32 help` prints: a template of the CLI library's.
const AppManual = `err32 - {{.Usage}}

Usage: err32 [flags] COMMAND [flags] [TARGET]

Opens and holds files over SMB2/3, makes the client go away as real clients do,
and shows which opens the server still holds, who meets error 32 because of
them, for how long, and what frees the file.

Commands:
{{range .VisibleCommands}}  {{printf "%-12s" .Name}}{{.Usage}}
{{end}}
TARGET is //server[:port]/share[/path], \\server\share\path (in quotes), or
smb://[[domain;]user@]server[:port]/share/path; //server where no share is
needed. IPv6 addresses stand in brackets. Flags may stand before and after it.

Exit codes:
  0    asked and answered; nothing in the way
  32   a sharing violation was met, or a stale open was found
  33   a byte-range lock conflict was met
  3    an expectation written in a script did not hold
  1    could not find out (network, log-on, rights, I/O)
  2    usage
  130  interrupted, after clean-up

The report goes to stdout, all else to stderr. err32 help COMMAND shows the
flags of a command, and examples.
`

// ReproManual closes the help of repro.
const ReproManual = `TARGET is a folder on a share. One file err32-….tmp is made in it and removed
at the end, also after Ctrl-C. Without TARGET the run makes its own server, the
built-in lab, which keeps a lost client's opens for 5 seconds. What the client
does when it goes away:
  close   CLOSE, LOGOFF, FIN: the control experiment
  logoff  LOGOFF without CLOSE
  fin     TCP FIN, nothing else: the process died
  rst     TCP RST: the process crashed, or a middlebox cut in
  vanish  no packet ever again: the pulled cable (Linux)
  freeze  no more SMB, but the kernel still ACKs: the hung client
  leak    the session goes on, the handle is never closed

Examples:
  The whole story, without a server:
    err32 repro

  Does this server keep a file of a client that lost its network?
    err32 repro -U 'CORP\alice' --disconnect vanish --wait 60s //fs1/data/tmp

  A folder for a support ticket, with pseudonyms for all names:
    err32 repro -U 'CORP\alice' --bundle case.zip --redact //fs1/data/tmp

  The same as JSON, for a script; the password is in a file:
    err32 repro -A ~/.fs1 --json //fs1/data/tmp > run.json; echo $?`

// HoldManual closes the help of hold.
const HoldManual = `All files are held, or none: when one open is refused, what was opened is
closed. If the reason is a sharing violation, the exit code is 32.

TARGET is a file that exists; several TARGETs must be on one server and share.
With --count it is a folder and the beginning of a name: //fs1/data/x makes
x-000001, x-000002 … in //fs1/data. With --all it is a folder. --count, --all
and several TARGETs exclude each other.

Once all are held, "ready" is one line on stdout; on stderr with --json and any
--format but table. Then:
  without --for  they are held until Ctrl-C, the normal end: exit code 0
  with --for     they are held for DUR; Ctrl-C before is an interruption: 130

What vanish, freeze and leak leave behind on the server lasts as long as this
process. So these need --for: hold for DUR, go away, stay until Ctrl-C.

Examples:
  Keep a file from being written for a minute:
    err32 hold -U alice --access r --share r --for 60s //fs1/data/plan.xlsx

  1000 new files, then leave like a crashed process:
    err32 hold -A ~/.fs1 --count 1000 --for 10s --disconnect rst //fs1/data/x

  With the packets, for Wireshark:
    err32 hold -U alice --for 10s --capture hold.pcapng //fs1/data/plan.xlsx`

// TableManual closes the help of table.
const TableManual = `Needs the right to read the server's tables: an administrator's, as a rule.
A share and a path limit the opens to what lies there.

Examples:
  Who has the plan open?
    err32 table -U 'CORP\admin' --path plan.xlsx //fs1

  What alice has open, as JSON:
    err32 table -A ~/.fs1 --of-user alice --json //fs1

  All of it for a support ticket, with pseudonyms for all names:
    err32 table -U 'CORP\admin' --bundle case.zip --redact //fs1`

// WhoManual closes the help of who.
const WhoManual = `Without --probe nobody is disturbed: the file is opened for its attributes only,
which breaks no caching, and the server's tables are read. They need an
administrator's rights, as a rule, and do not tell share modes: they show who
has a file, but that an open would be refused only --probe proves. Where neither
tells whether the open of --want would be let in, the exit code is 1.

--probe opens the file for data and closes it at once, asking for no caching:
  P1 P2 P3   for reading, writing, deleting, sharing everything
  P4 P5 P6   sharing all but reading, writing, deleting
  wanted     the open of --want itself
  and reads one byte at the start and the end of the file, to meet locks: exit
  code 33.
What a probe can do to others:
  - A client that caches writes has to write them back; one that keeps the file
    open in its cache has to let it go. That is what any program's open does.
  - A durable handle whose client is away is closed for good when a probe
    conflicts with it.
  - For the time of a round trip it is an open like any other: P4 to P6 and
    wanted can make somebody else's open fail.
No content, size, write time or attribute changes.

Several TARGETs must be on one server and share. Of what is met on them the exit
code says the first of: refused (32), locked (33), not there or not known (1).
With --recursive a file of which it is not known does not count.

Examples:
  Who has the plan?
    err32 who -U 'CORP\admin' //fs1/data/plan.xlsx

  Could I write to it? Without an administrator's rights:
    err32 who -U alice --probe --want rw:none //fs1/data/plan.xlsx

  Everything that is held below a folder:
    err32 who -U 'CORP\admin' --recursive //fs1/data/projects

  For a support ticket, with pseudonyms for all names:
    err32 who -U 'CORP\admin' --bundle case.zip --redact //fs1/data/plan.xlsx`

// ReleaseManual closes the help of release.
const ReleaseManual = `What is to be ended is listed, shown, and asked about. Just before it is ended
it is listed again: an id that means another open by then is not touched. After
it the table is read once more, to see that it is gone. Ending an open takes
from its holder what was not written yet. Named pipes and the run's own opens
are never ended, and with a share and path in TARGET no open elsewhere.

--open, --path, --session and --stale need the right to read and change the
server's tables: Administrators or Server Operators on Windows; on Samba
BUILTIN\Administrators to read, root or SeDiskOperatorPrivilege, which they have
by default, to close an open, and root or Domain Admins to end a session.
--session ends live sessions too, with everything they have open; Samba ends
also other users' sessions from the same client machine.

--previous-session and --mine need no right: a new log-on of the same user
names the dead session, and the server ends it as if its connection were lost,
if there is one and it is that user's. Whether it did is seen in the table, or
without that right by a file, the one in TARGET, or one that the killed run had:
it is opened for reading, sharing nothing, before and after. The id of a session
is in the report of the run that made it; --mine finds it in a record that hold
and repro keep while they run, in err32 below $XDG_STATE_HOME or ~/.local/state.

Examples:
  What would be closed?
    err32 release -U 'CORP\admin' --path data/plan.xlsx --dry-run //fs1

  A holder whose client is dead, by the id that who shows:
    err32 release -U 'CORP\admin' --open 0x1F0003 //fs1

  The same without an administrator's rights, as the dead session's user:
    err32 release -U alice --previous-session 0x868AD3D3 //fs1/data/plan.xlsx

  After kill -9 of err32 hold:
    err32 release -U alice --mine --yes //fs1`

// ExplainManual closes the help of explain.
const ExplainManual = `CODE is a Win32 error, an NTSTATUS, a name, or a mask after the word that says
which: access:…, share:…, permissions:….

Examples:
  err32 explain 0xC0000043
  err32 explain access:0x12019f`

// LabManual closes the help of lab; faults are their names and what each does.
func LabManual(faults [][2]string) string {
	var b strings.Builder
	for _, f := range faults {
		b.WriteString(entry("  "+f[0], f[1]))
	}
	return labManual + b.String() + labExamples
}

const labManual = `A server with one or more empty shares, which live in memory and end with it.
It keeps a real table of opens, so any SMB2 client can practise on it, and be
seen in err32 table. Every connection, log-on, open and close is one line on
stdout. Ctrl-C ends it, with exit code 0. A share holds 1 GiB and 100 000 files,
the server 65 536 opens on 1024 connections.

Temperaments:
  windows  opens go with the connection; durable ones wait to be claimed
  samba    the same, and \\srvsvc answers as Samba's does
  nt4      opens stay until the client has been silent for --linger, 15m without

A fault is NAME[=VALUE][@COMMAND[+COMMAND…]][#N[+]][:PATH]: do NAME to the Nth
request (N+: and all after it) of these commands about the files that PATH,
with * and ?, matches. What is left out does not limit it.
`

const labExamples = `
Examples:
  A server that forgets a dead client after 20 seconds:
    err32 lab --temperament nt4 --linger 20s

  The first CLOSE of a .doc file fails, as in Q153260:
    err32 lab --user 'alice%secret' --fault 'refuse-close#1:*.doc'`

// ReportManual closes the help of report.
const ReportManual = `FILE.json is what --json or --report wrote. It is written again to stdout, as
--format says, and to the files of --report and --bundle. Only the run itself
can make a capture. The exit code is 0 whatever the run's was.

Two files, A and B, are compared: what ran, what it came to, the times, and what
the tables list. What is the same is counted, not shown. Opens are matched by
share, path, user and client. As CSV it is the differences. Two runs that were
each redacted by themselves cannot be matched by name; give --redact here
instead.

Examples:
  A page for the ticket, from a run that a script saved:
    err32 report run.json --format markdown

  A saved run with pseudonyms for all names, to be sent outside the company:
    err32 report run.json --redact --bundle case.zip

  The opens of a table as a spreadsheet reads them:
    err32 report table.json --report opens.csv

  What a change of the server has done:
    err32 report before.json after.json`

// CompletionManual closes the help of completion.
const CompletionManual = `SHELL is bash, zsh, fish or pwsh. The script's first lines say how to load it.

Examples:
  source <(err32 completion bash)
  err32 completion fish | source`
