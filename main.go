// Command err32 shows why a server says error 32 for a file that nobody seems
// to have open.
//
// What it writes, and where:
//
//   - The report goes to stdout, as a page or (--json) as one object; so does
//     hold's line "ready", except with --json and --ready-file together. Help
//     that was asked for goes there too.
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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"err32/cmdline"
	"err32/diag"
	"err32/smb"
)

const version = "0.1.0"

func main() { os.Exit(run(os.Args[1:])) }

// run is the whole program; what it returns is the exit code.
func run(words []string) int {
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
	line, err := cmdline.Line(app.Commands, arguments, words)
	if err == nil {
		err = cmp.Or(app.RunContext(ctx, line), p.err)
	}
	var usage *cmdline.UsageError
	switch {
	case p.pipeBroken():
		return cmp.Or(p.code, exitFailed)
	case err == nil:
		return p.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	say("error", err.Error())
	if !errors.As(err, &usage) {
		return exitFailed
	}
	if line := usage.Corrected(app.Commands, arguments); line != "" {
		say("hint", "write "+line)
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
	code int
	err  error // of the first write that failed: the help's printer drops it
}

func (p *program) Write(b []byte) (int, error) {
	n, err := os.Stdout.Write(b)
	p.err = cmp.Or(p.err, err)
	return n, err
}

// pipeBroken reports whether nobody reads stdout any more.
func (p *program) pipeBroken() bool { return errors.Is(p.err, syscall.EPIPE) }

// arguments is how many arguments each command takes, at least and at most; a
// most of 0 is no limit.
var arguments = map[string][2]int{"repro": {0, 1}, "hold": {1, 0}, "table": {1, 1}, "explain": {1, 0}, "help": {0, 1}}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                  "err32",
		Usage:                 "why the server says error 32 for a file that nobody has open",
		HideHelp:              true,
		HideVersion:           true,
		Writer:                p,
		ErrWriter:             os.Stderr,
		ExitErrHandler:        func(*cli.Context, error) {}, // run maps errors to exit codes
		CustomAppHelpTemplate: appHelp,
		Commands: []*cli.Command{
			{Name: "repro", Usage: "hold a file, go away, watch until the server frees it", ArgsUsage: "TARGET", Description: reproHelp, Flags: append(reproFlags(), sharedFlags()...), Action: p.repro},
			{Name: "hold", Usage: "open and hold files", ArgsUsage: "TARGET…", Description: holdHelp, Flags: append(holdFlags(), sharedFlags()...), Action: p.hold},
			{Name: "table", Usage: "the server's sessions, connections and opens", ArgsUsage: "//SERVER[/SHARE[/PATH]]", Description: tableHelp, Flags: append(tableFlags(), sharedFlags()...), Action: p.table},
			{Name: "explain", Usage: "what a code or a mask means here, and what to do", ArgsUsage: "CODE…", Description: explainHelp, Flags: outputFlags(), Action: p.explain},
			{Name: "version", Usage: "print the version", Description: versionHelp, Action: p.version},
			{Name: "help", Usage: "this text, or the help of one command", ArgsUsage: "[COMMAND]", Description: helpHelp, Action: p.help},
		},
	}
	for _, c := range app.Commands {
		c.HideHelp = true // cmdline.Line turns --help into the help command
		c.CustomHelpTemplate = cmdline.CommandHelp(c)
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return cmdline.Usagef("%v", err) }
	}
	return app
}

func reproFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "disconnect", Value: smb.DefaultDisconnect().String(), Usage: "KIND: how the client goes away: close, logoff, fin, rst, vanish, freeze or leak"},
		&cli.StringFlag{Name: "access", Value: "rw", Usage: "LETTERS: what the holder asks for, of rwxad; or a mask such as 0x12019f"},
		&cli.StringFlag{Name: "share", Value: "none", Usage: "LETTERS: what the holder lets others do, of rwd; or none"},
		&cli.DurationFlag{Name: "wait", Value: 30 * time.Second, Usage: "DUR: for how long to wait for the file"},
		&cli.DurationFlag{Name: "interval", Value: 100 * time.Millisecond, Usage: "DUR: pause between two tries; 0 is none"},
		&cli.StringFlag{Name: "retry-from", Value: "other", Usage: "CLIENT: who tries again: other, or same, the holder's own session"},
		&cli.StringFlag{Name: "retry-with", Value: "stock", Usage: "PROGRAM: what tries again: stock, an unmodified library (go-smb2), or own, err32's client"},
		&cli.StringFlag{Name: "case", Usage: "NAME: sender-disconnect (q153260) or handle-leak (q277673); sets what is not given of --access, --share, --disconnect and --retry-from"},
	}
}

func holdFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "for", Usage: "DUR: for how long; without it until Ctrl-C"},
		&cli.StringFlag{Name: "disconnect", Value: "close", Usage: "KIND: how to leave: close, logoff, fin, rst, vanish, freeze or leak"},
		&cli.StringFlag{Name: "access", Value: "rw", Usage: "LETTERS: what to ask for, of rwxad; or a mask such as 0x12019f"},
		&cli.StringFlag{Name: "share", Value: "none", Usage: "LETTERS: what to let others do, of rwd; or none"},
		&cli.IntFlag{Name: "count", Usage: "N: make TARGET-000001 and so on up to N, hold them, and remove them at the end"},
		&cli.BoolFlag{Name: "all", Usage: "TARGET is a folder: hold every file below it"},
		&cli.StringFlag{Name: "ready-file", Usage: "FILE: write \"ready N\" to it once all N are held"},
	}
}

func tableFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "path", Usage: "TEXT: only opens with this in their path"},
		&cli.StringFlag{Name: "of-user", Usage: "NAME: only what is this user's; --user after the command does the same if -U is there to log on with"},
		&cli.StringFlag{Name: "client", Usage: "HOST: only what is this client's, by name or address"},
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
		&cli.StringFlag{Category: connection, Name: "port", Aliases: []string{"p"}, Usage: "N: TCP port, if TARGET has none (445)"},
		&cli.DurationFlag{Category: connection, Name: "timeout", Value: 10 * time.Second, Usage: "DUR: limit of one network step"},
		&cli.StringFlag{Category: connection, Name: "max-protocol", Value: "3.1.1", Usage: "DIALECT: 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1"},
		&cli.StringFlag{Category: connection, Name: "signing", Value: "auto", Usage: "WHEN: auto or required"},
		&cli.StringFlag{Category: connection, Name: "encrypt", Value: "auto", Usage: "WHEN: auto, required or off"},
	}, outputFlags()...)
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: "Output", Name: "format", Value: "table", Usage: "FORMAT: table or json"},
		&cli.BoolFlag{Category: "Output", Name: "json", Usage: "short for --format json"},
	}
}

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
	if c.App.Command(topic) == nil {
		return cmdline.Usagef("no command %q; err32 help lists the commands", topic)
	}
	return cli.ShowCommandHelp(c, topic)
}

func (p *program) version(*cli.Context) error {
	_, err := fmt.Fprintf(p, "err32 %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
		encoder := json.NewEncoder(p)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			Schema  string `json:"schema"`
			Command string `json:"command"`
			*diag.Explanation
		}{diag.Schema, c.Command.Name, e})
	}
	return e.WriteText(p, cmdline.Width())
}

func (p *program) repro(c *cli.Context) error {
	if c.NArg() == 0 {
		return cmdline.Usagef("the built-in lab server is not built yet in this version; name a TARGET, a folder on a share: err32 repro //server/share")
	}
	v := newValues(c)
	name := cmdline.Parsed(&v.Values, "case", parseCase)
	if name == "handle-leak" { // sender-disconnect is what the defaults are
		for flag, value := range map[string]string{"access": "r", "share": "r", "disconnect": "leak"} {
			if !c.IsSet(flag) {
				v.Fail(c.Set(flag, value))
			}
		}
	}
	o := diag.ReproOptions{
		Endpoint:   v.endpoint(),
		Disconnect: cmdline.Parsed(&v.Values, "disconnect", parseDisconnect),
		Access:     cmdline.Parsed(&v.Values, "access", smb.ParseAccess),
		Share:      cmdline.Parsed(&v.Values, "share", smb.ParseShare),
		Wait:       v.Duration("wait", ""),
		Interval:   v.Duration("interval", ""),
		RetryFrom:  cmdline.Parsed(&v.Values, "retry-from", cmdline.OneOf("other", "same")),
		RetryWith:  cmdline.Parsed(&v.Values, "retry-with", cmdline.OneOf("stock", "own")),
		Case:       name,
	}
	v.Fail(o.Endpoint.Target.NeedShare())
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	progress := cmdline.NewProgress()
	o.OnEvent = func(e diag.Event) { progress.Show(eventText(e)) }
	report := diag.Repro(c.Context, o)
	progress.End()
	return p.show(v, report)
}

func (p *program) hold(c *cli.Context) error {
	v := newValues(c)
	o := diag.HoldOptions{
		Endpoint:   v.endpoint(),
		Disconnect: cmdline.Parsed(&v.Values, "disconnect", parseDisconnect),
		Access:     cmdline.Parsed(&v.Values, "access", smb.ParseAccess),
		Share:      cmdline.Parsed(&v.Values, "share", smb.ParseShare),
		Count:      c.Int("count"),
		All:        c.Bool("all"),
	}
	if c.IsSet("for") {
		o.For = v.Duration("for", "0 holds nothing; without --for the files are held until Ctrl-C")
	}
	first := o.Endpoint.Target
	for i := range c.NArg() {
		t := v.target(i)
		v.Fail(t.NeedShare())
		if !strings.EqualFold(t.Address(), first.Address()) || !strings.EqualFold(t.Share, first.Share) {
			v.Fail(fmt.Errorf("%s and %s are not on one share; hold takes TARGETs of one share", first, t))
		}
		if t.Path == "" && !o.All {
			v.Fail(fmt.Errorf("%s names no file; write %s/FILE, or give --all for every file below it", t, t))
		}
		o.Targets = append(o.Targets, t)
	}
	if c.IsSet("count") && o.Count < 1 {
		v.Fail(fmt.Errorf("--count: %d is less than 1", o.Count))
	}
	if o.Count > 0 && (o.All || len(o.Targets) > 1) {
		v.Fail(errors.New("--count makes files named after one TARGET: it goes neither with --all nor with several TARGETs"))
	}
	ready := c.String("ready-file")
	if ready != "" && v.Err == nil {
		v.Fail(cmdline.RemoveReadyFile(ready))
	}
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	progress := cmdline.NewProgress()
	o.OnProgress = progress.Count
	o.OnReady = func(held int) error {
		progress.End()
		if ready != "" {
			if err := cmdline.WriteReadyFile(ready, held); err != nil || v.json {
				return err // with --json stdout is for the object alone
			}
		}
		_, err := fmt.Fprintln(p, "ready")
		return err
	}
	report := diag.Hold(c.Context, o)
	progress.End()
	return p.show(v, report)
}

func (p *program) table(c *cli.Context) error {
	v := newValues(c)
	o := diag.TableOptions{
		Endpoint: v.endpoint(),
		Path:     c.String("path"),
		User:     c.String("of-user"),
		Client:   c.String("client"),
	}
	if err := p.logOn(v, &o.Endpoint); err != nil {
		return err
	}
	progress := cmdline.NewProgress()
	o.OnEvent = func(e diag.Event) { progress.Show(eventText(e)) }
	report := diag.Table(c.Context, o)
	progress.End()
	return p.show(v, report)
}

func eventText(e diag.Event) string {
	return strings.Join(strings.Fields(e.Actor+": "+e.What+" "+e.Detail+" "+e.StatusName), " ")
}

// values reads the flags that several commands share.
type values struct {
	cmdline.Values
	json bool
}

func newValues(c *cli.Context) *values {
	v := &values{Values: cmdline.Values{Context: c}}
	format := cmdline.Parsed(&v.Values, "format", func(s string) (string, error) {
		switch s {
		case "markdown", "csv", "html":
			return "", fmt.Errorf("%q is not built yet in this version; table and json are", s)
		}
		return cmdline.OneOf("table", "json")(s)
	})
	v.json = format == "json" || c.Bool("json")
	if c.Bool("json") && c.IsSet("format") && format != "json" {
		v.Fail(fmt.Errorf("--json and --format %s contradict each other", format))
	}
	return v
}

func parseCase(s string) (string, error) {
	switch s = strings.ToLower(s); s {
	case "q153260":
		return "sender-disconnect", nil
	case "q277673":
		return "handle-leak", nil
	case "", "sender-disconnect", "handle-leak":
		return s, nil
	}
	return "", fmt.Errorf("%q is none of sender-disconnect (q153260), handle-leak (q277673)", s)
}

// target reads argument i. --port counts where the target has no port.
func (v *values) target(i int) diag.Target {
	t, err := diag.ParseTarget(v.Context.Args().Get(i))
	v.Fail(err)
	if !v.Context.IsSet("port") {
		return t
	}
	port := cmdline.Parsed(&v.Values, "port", diag.ParsePort)
	if t.Port != 0 && t.Port != port {
		v.Fail(fmt.Errorf("TARGET says port %d and --port says %d", t.Port, port))
	}
	t.Port = port
	return t
}

// endpoint reads all of an endpoint but the credentials.
func (v *values) endpoint() diag.Endpoint {
	e := diag.Endpoint{
		Target:     v.target(0),
		Timeout:    v.Duration("timeout", "0 would end every step at once"),
		MaxDialect: cmdline.Parsed(&v.Values, "max-protocol", smb.ParseDialect),
		Encryption: cmdline.Parsed(&v.Values, "encrypt", smb.ParsePolicy),
		Version:    version,
	}
	if cmdline.Parsed(&v.Values, "signing", cmdline.OneOf("auto", "required")) == "required" {
		e.Signing = smb.Required
	}
	if cmdline.Parsed(&v.Values, "use-kerberos", cmdline.OneOf("off", "desired", "required")) == "required" {
		v.Fail(errors.New("--use-kerberos=required: Kerberos is not built in yet; off and desired go on with NTLM"))
	}
	if v.Context.Bool("no-pass") && v.Context.Bool("pw-nt-hash") {
		v.Fail(errors.New("--no-pass and --pw-nt-hash contradict each other"))
	}
	for _, name := range []string{"user", "authentication-file"} {
		if v.Context.IsSet(name) && v.Context.String(name) == "" {
			v.Fail(fmt.Errorf("--%s is empty", name))
		}
	}
	return e
}

// logOn finds the credentials, once all else of the command line is right.
func (p *program) logOn(v *values, e *diag.Endpoint) error {
	c := v.Context
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
	for _, w := range warnings {
		say("warning", w)
	}
	if err == nil {
		e.Credentials = credentials
	} else if v.json && c.Context.Err() == nil {
		now, t := diag.Time{Time: time.Now()}, e.Target
		err = errors.Join(err, diag.RenderJSON(p, &diag.Report{
			Schema: diag.Schema, Command: c.Command.Name, Started: now, Finished: now,
			Tool:   diag.Tool{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH},
			Target: &diag.TargetInfo{Server: t.Server, Port: cmp.Or(t.Port, diag.DefaultPort), Share: t.Share, Path: t.Path},
			Error:  &diag.RunError{Op: "log-on", Text: err.Error()},
		}))
	}
	return err
}

// show prints the report, and takes the exit code from it.
func (p *program) show(v *values, r *diag.Report) error {
	p.code = r.ExitCode()
	if r.Error != nil && !p.pipeBroken() {
		say("error", diag.RenderError(r.Error))
	}
	render := diag.RenderJSON
	if !v.json {
		render = func(w io.Writer, r *diag.Report) error { return diag.RenderTable(w, r, cmdline.Width()) }
	}
	if err := render(p, r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

const appHelp = `err32 - {{.Usage}}

Usage: err32 [flags] COMMAND [flags] [TARGET]

Opens and holds files over SMB2/3, makes the client go away as real clients do,
and shows which opens the server still holds, who meets error 32 because of
them, for how long, and what frees the file.

Commands:
{{range .VisibleCommands}}  {{printf "%-10s" .Name}}{{.Usage}}
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

const reproHelp = `TARGET is a folder on a share. One file err32-….tmp is made in it and removed
at the end. What the client does when it goes away:
  close   CLOSE, LOGOFF, FIN: the control experiment
  logoff  LOGOFF without CLOSE
  fin     TCP FIN, nothing else: the process died
  rst     TCP RST: the process crashed, or a middlebox cut in
  vanish  no packet ever again: the pulled cable (Linux)
  freeze  no more SMB, but the kernel still ACKs: the hung client
  leak    the session goes on, the handle is never closed

Examples:
  Does this server keep a file of a client that lost its network?
    err32 repro -U 'CORP\alice' --disconnect vanish --wait 60s //fs1/data/tmp

  The same as JSON, for a script; the password is in a file:
    err32 repro -A ~/.fs1 --json //fs1/data/tmp > run.json; echo $?`

const holdHelp = `Once all files are held, "ready" is one line on stdout (with --json and
--ready-file together, only the file tells).

Examples:
  Keep a file from being written for a minute:
    err32 hold -U alice --access r --share r --for 60s //fs1/data/plan.xlsx

  1000 new files, then leave like a crashed process:
    err32 hold -A ~/.fs1 --count 1000 --for 10s --disconnect rst //fs1/data/x`

const tableHelp = `Needs the right to read the server's tables: an administrator's, as a rule.

Examples:
  Who has the plan open?
    err32 table -U 'CORP\admin' --path plan.xlsx //fs1

  What alice has open, as JSON:
    err32 table -A ~/.fs1 --of-user alice --json //fs1`

const explainHelp = `CODE is a Win32 error, an NTSTATUS, a name, or a mask after the word that says
which: access:…, share:…, permissions:….

Examples:
  err32 explain 0xC0000043
  err32 explain access:0x12019f`

const versionHelp = `Examples:
  err32 version
  err32 --version`

const helpHelp = `Examples:
  err32 help repro
  err32 repro --help`
