package cmdline

import (
	"strings"
	"text/template"
)

// Shells are the shells that Completion can write for.
var Shells = []string{"bash", "zsh", "fish", "pwsh"}

// Completion returns a script for one of Shells that completes the names of
// commands and flags, and the arguments of the commands "help" and
// "completion". Its first lines say how to load it.
func Completion(shell string, commands []Command) (string, error) {
	shell, err := OneOf(Shells...)(shell)
	if err != nil {
		return "", err
	}
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	var b strings.Builder
	err = scripts.ExecuteTemplate(&b, shell, struct {
		Commands []Command
		Names    string
		Choices  map[string]string // by command: what its argument can be
	}{commands, strings.Join(names, " "), map[string]string{"help": strings.Join(names, " "), "completion": strings.Join(Shells, " ")}})
	return b.String(), err
}

// scripts has a template for each shell, called by its name.
var scripts = template.Must(template.New("").Funcs(template.FuncMap{
	"flags": func(c Command) string {
		var names []string
		for _, f := range c.Flags {
			names = append(names, "--"+f.Names()[0])
		}
		return strings.Join(names, " ")
	},
	"quoted": func(s string) string { return "'" + strings.ReplaceAll(s, "'", "’") + "'" },
	"text": func(f Flag) string { // without the placeholder
		_, text, found := strings.Cut(f.GetUsage(), ": ")
		if !f.TakesValue() || !found {
			return f.GetUsage()
		}
		return text
	},
}).Parse(`
{{define "bash"}}# bash completion for err32: put this line into ~/.bashrc
#   source <(err32 completion bash)
_err32() {
	local word=${COMP_WORDS[COMP_CWORD]} command='' flags='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in{{range .Commands}}
		{{.Name}}) command={{.Name}} flags='{{flags .}}' words='{{index $.Choices .Name}}' && break ;;{{end}}
		esac
	done
	[[ $command ]] || words='{{.Names}}'
	[[ $word == -* ]] && words=$flags
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _err32 err32
{{end}}

{{define "zsh"}}#compdef err32
# zsh completion for err32: put this line into ~/.zshrc, after compinit
#   source <(err32 completion zsh)
_err32() {
	local command i
	local -a flags choices
	for ((i = 2; i < CURRENT; i++)); do
		case $words[i] in{{range .Commands}}
		{{.Name}}) command={{.Name}} flags=({{flags .}}) choices=({{index $.Choices .Name}}); break ;;{{end}}
		esac
	done
	if [[ $PREFIX == -* ]]; then
		compadd -- $flags
	elif [[ -z $command ]]; then
		compadd -- {{.Names}}
	elif (($#choices)); then
		compadd -- $choices
	else
		_files
	fi
}
compdef _err32 err32
{{end}}

{{define "fish"}}# fish completion for err32: put this line into ~/.config/fish/config.fish
#   err32 completion fish | source
{{range .Commands}}complete -c err32 -f -n __fish_use_subcommand -a {{.Name}} -d {{quoted .Usage}}
{{end}}{{range $c := .Commands}}{{if index $.Choices .Name}}complete -c err32 -f -n '__fish_seen_subcommand_from {{.Name}}' -a '{{index $.Choices .Name}}'
{{end}}{{range .Flags}}complete -c err32 -n '__fish_seen_subcommand_from {{$c.Name}}'{{range $i, $n := .Names}} {{if $i}}-s{{else}}-l{{end}} {{$n}}{{end}}{{if .TakesValue}} -r{{end}} -d {{quoted (text .)}}
{{end}}{{end}}{{end}}

{{define "pwsh"}}# PowerShell completion for err32: put this line into $PROFILE
#   err32 completion pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName err32 -ScriptBlock {
	param($word, $line, $cursor)
	$words = @{ {{- range .Commands}}
		'{{.Name}}' = '{{index $.Choices .Name}} {{flags .}}'{{end}}
	}
	$command = $line.CommandElements | Select-Object -Skip 1 |
		Where-Object { $_.Extent.EndOffset -lt $cursor -and $words.ContainsKey("$_") } | Select-Object -First 1
	$choices = if ($command) { $words["$command"] } else { '{{.Names}}' }
	-split $choices | Where-Object { $_ -like "$word*" } | ForEach-Object {
		[System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
	}
}
{{end}}
`))
