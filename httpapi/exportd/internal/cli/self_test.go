package cli

import "testing"

func TestBuiltByGoRun(t *testing.T) {
	for program, want := range map[string]bool{
		"/tmp/go-build2289553947/b001/exe/exportd":                                                            true,
		"/root/.cache/go-build/d4/d4e68c0fdbebccbb4514544f1178c241853fd13b973d568780c0589d28d9e6b1-d/exportd": true,
		"/var/cache/other/d4/d4e68c0fdbebccbb4514544f1178c241853fd13b973d568780c0589d28d9e6b1-d/exportd":      true,
		"/usr/local/bin/exportd": false, "exportd": false, "./exportd": false, "/home/d4/exportd": false, "": false,
	} {
		if got := builtByGoRun(program); got != want {
			t.Errorf("%q: %v, want %v", program, got, want)
		}
	}
}
