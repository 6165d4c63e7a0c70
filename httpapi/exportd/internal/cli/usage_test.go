package cli_test

import (
	"strings"
	"testing"
)

// TestMistypedCommands: what is mistyped is told with what may be meant, in one line.
func TestMistypedCommands(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	for args, want := range map[string]string{
		"verfy":                             `unknown command "verfy" for "exportd"; did you mean "verify"?`,
		"--version=false srve":              `unknown command "srve" for "exportd"; did you mean "serve"?`,
		"bananas":                           `unknown command "bananas" for "exportd"; exportd --help lists them`,
		"keys lst":                          `unknown command "lst" for "exportd keys"; did you mean "list"?`,
		"run --confg exportd.yaml":          `unknown flag: --confg; did you mean --config?`,
		"serve --no-wroker":                 `unknown flag: --no-wroker; did you mean --no-worker?`,
		"serve --bananas":                   `unknown flag: --bananas`,
		"run -c exportd.yaml":               `unknown shorthand flag: 'c' in -c`,
		"verify":                            `FILE is missing: exportd verify FILE [flags]`,
		"cat":                               `FILE is missing: exportd cat FILE PATH [flags]`,
		"cat a.zip":                         `PATH is missing: exportd cat FILE PATH [flags]`,
		"run exportd.yaml":                  `"exportd.yaml" is an argument too many: exportd run [--config FILE] --organization ID [flags]`,
		"run --config a --organization b c": `"c" is an argument too many: exportd run [--config FILE] --organization ID [flags]`,
		"keys create":                       `--organization is missing`,
		"keys create --organization " + acme + " --expires 30days":                      `invalid argument "30days" for "--expires" flag: want a duration such as 90s, 15m, 1h30m, 7d or 2w`,
		"members add --organization " + acme + " --user zoe --role manger":              `--role "manger" is none of owner, manager, editor, billing, readonly`,
		"keys create --organization " + acme + " --role manger":                         `--role "manger" is none of owner, manager, editor, billing, readonly`,
		"sessions create --user zoe --expires 2":                                        `invalid argument "2" for "--expires" flag: want a duration such as 90s, 15m, 1h30m, 7d or 2w`,
		"run --config exportd.yaml --organization " + acme + " --format rar":            `--format "rar" is none of zip, tar.gz, tar.xz, tar.zst`,
		"run --config none.yaml --organization " + acme:                                 `open none.yaml: no such file or directory`,
		"run --config . --organization " + acme:                                         `read .: is a directory`,
		"run --config exportd.yaml --organization " + acme + " --as-of 2026-01-01":      `--as-of "2026-01-01" is not a time such as 2026-06-26T21:00:00Z`,
		"run --config exportd.yaml --organization " + acme + " --log-level noisy":       `invalid argument "noisy" for "--log-level" flag: slog: level string "noisy": unknown name`,
		"serve --config exportd.yaml --listen 8080":                                     `--listen: "8080" must be an address and a port, such as 127.0.0.1:8080 or :8080`,
		"keys create --config exportd.yaml --data a --organization " + acme:             `if any flags in the group [config data] are set none of the others can be; [config data] were all set`,
		"sessions create --config exportd.yaml --user zoe --expires 106752d":            `invalid argument "106752d" for "--expires" flag: want a duration such as 90s, 15m, 1h30m, 7d or 2w`,
		"members list --config exportd.yaml --organization " + acme + " --role manager": `unknown flag: --role`,
	} {
		t.Run(args, func(t *testing.T) {
			o := finish(t, command(t, dir, strings.Fields(args)...))
			o.want(t, 2, want)
			if o.stderr != "exportd: "+want+"\n" || o.stdout != "" {
				t.Errorf("it says\n%s%s\nwant\n%s", o.stdout, o.stderr, want)
			}
		})
	}
}

// TestRoles: keys and members have the same roles, and both helps list them.
func TestRoles(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	const list = "owner, manager, editor, billing, readonly; owners and managers may export"
	for _, args := range []string{"keys create --help", "members add --help"} {
		if o := finish(t, command(t, dir, strings.Fields(args)...)); !strings.Contains(o.stdout, list) {
			t.Errorf("%s does not list the roles:\n%s", args, o.stdout)
		}
	}
	for role := range strings.SplitSeq("owner, manager, editor, billing, readonly", ", ") {
		for _, args := range []string{"keys create", "members add --user " + role} {
			finish(t, command(t, dir, append(strings.Fields(args), "--config", "exportd.yaml", "--organization", acme, "--role", role)...)).want(t, 0)
		}
	}
	finish(t, command(t, dir, "keys", "create", "--config", "exportd.yaml", "--organization", acme, "--expires", "30d")).want(t, 0)
	finish(t, command(t, dir, "sessions", "create", "--config", "exportd.yaml", "--user", "zoe", "--expires", "2w")).want(t, 0)
}
