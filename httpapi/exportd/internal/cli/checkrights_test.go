//go:build unix

package cli_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestCheckRights: a role that may write draws a warning, with statements for psql that make
// one which may not. With that one the warning is gone, and the export the same.
func TestCheckRights(t *testing.T) {
	t.Parallel()
	needTools(t, "psql")
	owner := pgtest.NewServer(t).URL()
	statements(t, owner, sourceSchema, "CREATE TABLE unused (id int)")
	dir := shop(t)
	write(t, filepath.Join(dir, "exportd.yaml"), "archive: {prefix: shop-export}\nsource: {database: 'postgres://in.the.environment/x'}"+sourceSections)
	with := func(address string, args ...string) outcome {
		c := command(t, dir, args...)
		c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+address)
		return finish(t, c)
	}
	check := []string{"check", "--config", "exportd.yaml"}
	warned := with(owner, check...)
	warned.want(t, 0, `exportd: warning: $ORGEXPORT_SOURCE_DATABASE: the role "orgexport" may do more than to read: it is a superuser; `)
	if !strings.HasPrefix(warned.stdout, "exportd.yaml is right") {
		t.Errorf("it says %q", warned.stdout)
	}
	with(owner, append(check, "--strict")...).want(t, 1, "GRANT SELECT ON TABLE public.assets TO orgexport_reader;\n", "exportd: there are warnings, and --strict was given\n")

	_, grants, _ := strings.Cut(warned.stderr, "\n")
	if strings.Contains(grants, "unused") {
		t.Errorf("it grants what no query names\n%s", grants)
	}
	const password = "reader-test-password"
	script := strings.Replace(grants, `\password orgexport_reader`, "ALTER ROLE orgexport_reader PASSWORD '"+password+"';", 1) // it would ask
	psql := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", owner)
	psql.Stdin = strings.NewReader(script)
	if out, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s\n%s", err, out, script)
	}
	reader := changed(t, owner, "orgexport_reader", password, "")
	with(reader, append(check, "--strict")...).want(t, 0)
	for out, address := range map[string]string{"owner.zip": owner, "reader.zip": reader} {
		with(address, runFlags("--out", filepath.Join("out", out))...).want(t, 0)
	}
	if read(t, filepath.Join(dir, "out", "owner.zip")) != read(t, filepath.Join(dir, "out", "reader.zip")) {
		t.Error("the role that may only read exports something else")
	}
}
