package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	built := ", " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "4f1c"}
	at := debug.BuildSetting{Key: "vcs.time", Value: "2026-11-30T08:00:00Z"}
	for _, c := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"", nil, "exportd devel" + built},
		{"(devel)", []debug.BuildSetting{commit, {Key: "vcs.modified", Value: "false"}}, "exportd devel, commit 4f1c" + built},
		{"(devel)", []debug.BuildSetting{commit, {Key: "vcs.modified", Value: "true"}}, "exportd devel, commit 4f1c with changes" + built},
		{"(devel)", []debug.BuildSetting{commit, at, {Key: "vcs.modified", Value: "true"}}, "exportd devel, commit 4f1c of 2026-11-30T08:00:00Z with changes" + built},
		{"v1.2.3", nil, "exportd v1.2.3" + built},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.version}, Settings: c.settings}
		if got := version(info, true); got != c.want {
			t.Errorf("version is %q, want %q", got, c.want)
		}
	}
	if got := version(nil, false); got != "exportd devel"+built {
		t.Errorf("without information the version is %q", got)
	}
}
