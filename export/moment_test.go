package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// numbers returns the numbers that each section has read.
func numbers(t *testing.T, files map[string]string, keys ...string) (got []string) {
	t.Helper()
	for _, key := range keys {
		both := ""
		for _, name := range []string{"/first.json", "/second.json"} {
			both += strings.TrimSuffix(strings.TrimPrefix(files[key+name], `{"number":`), "}\n") + " "
		}
		got = append(got, strings.TrimSpace(both))
	}
	return got
}

// consistency returns what the manifest says.
func consistency(t *testing.T, files map[string]string) export.Consistency {
	t.Helper()
	m, err := export.ParseManifest([]byte(files["manifest.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	if m.Consistency.Consistent == (len(m.Consistency.ReadAt) > 0 || strings.HasPrefix(m.Consistency.Note, "Each section")) {
		t.Errorf("the manifest says %+v", m.Consistency)
	}
	return m.Consistency
}

// readAt returns when sections were read, after a begin.
func readAt(t *testing.T, c export.Consistency, began time.Time) (got []string) {
	t.Helper()
	for _, s := range c.ReadAt {
		at, err := time.Parse(time.RFC3339, s.At+s.From)
		if err != nil {
			t.Fatal(err)
		}
		if s.From != "" {
			s.Key += " from"
		}
		got = append(got, s.Key+" "+at.Sub(began.Truncate(time.Millisecond)).String())
	}
	return got
}

// While sections run, others change the data all the time.
func TestOneMoment(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e"}
	for _, level := range []export.ConsistencyLevel{"", export.ConsistencyRequired, export.ConsistencyOff} {
		t.Run(string(level), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := new(kittest.Vault)
				var sections []export.Section
				for _, key := range keys {
					sections = append(sections, kittest.Reads(key, v, func(ctx context.Context) error {
						v.Add(1)
						return kittest.Wait(time.Minute)(ctx)
					}))
				}
				began := time.Now()
				e := engine(t, func(c *export.Config) { c.Concurrency, c.Consistency = 2, level }, sections...)
				_, files := run(t, e, request())
				got := numbers(t, files, keys...)
				tried, closed := v.Count()
				if level == export.ConsistencyOff {
					slices.Sort(got)
					var m struct{ Consistency map[string]any }
					if err := yaml.Unmarshal([]byte(files["manifest.yaml"]), &m); err != nil {
						t.Fatal(err)
					}
					if len(slices.Compact(got)) == 1 || tried > 0 || m.Consistency["consistent"] != false || m.Consistency["read_at"] != nil {
						t.Errorf("sections read %v of %d snapshots, and the manifest says %v", got, tried, m.Consistency)
					}
					return
				}
				if want := slices.Repeat([]string{"0 0"}, 5); !slices.Equal(got, want) {
					t.Errorf("sections read %v, want %v", got, want)
				}
				if c := consistency(t, files); !c.Consistent || c.Note != "" {
					t.Errorf("the manifest says %+v", c)
				}
				if tried != 1 || len(closed) != 1 || closed[0].Sub(began) != 3*time.Minute {
					t.Errorf("%d snapshots, closed at %v", tried, closed)
				}
			})
		})
	}
}

// The snapshot dies while three of five sections have been read, or become too old, or cannot
// be opened.
func TestNoMoment(t *testing.T) {
	refused := errors.New("no right to open snapshots")
	connection := func(times int) func(int) error {
		return func(n int) error {
			if n <= times {
				return syscall.ECONNREFUSED
			}
			return nil
		}
	}
	for _, c := range []struct {
		name   string
		vault  *kittest.Vault
		maxAge time.Duration
		kill   time.Duration // after which the snapshot is gone
		read   string        // what best reads
		at     string        // and when; empty if it is consistent
		fails  string        // the public text if it is required; empty if that succeeds
		final  bool
	}{
		{"killed", new(kittest.Vault), 0, 25 * time.Minute, "[0 0 0 0 0 2 3 3]", "[a 0s b 0s c from 20m0s d from 30m1s]",
			"The data could not be read as of one point in time.", false},
		{"too old", new(kittest.Vault), 0, 0, "[0 0 0 0 0 0 3 3]", "[a 0s b 0s c 0s d from 30m1s]",
			"The data could not be read as of one point in time: that took longer than 30m0s.", true},
		{"too old in the middle", new(kittest.Vault), 25 * time.Minute, 0, "[0 0 0 0 0 2 3 3]", "[a 0s b 0s c from 20m0s d from 30m1s]",
			"The data could not be read as of one point in time: that took longer than 25m0s.", true},
		{"never too old", new(kittest.Vault), -1, 0, "[0 0 0 0 0 0 0 0]", "", "", false},
		{"refused", &kittest.Vault{Refuse: func(int) error { return refused }}, 0, 0, "[0 0 1 1 2 2 3 3]", "[a from 0s b from 10m0s c from 20m0s d from 30m1s]",
			"The data could not be read as of one point in time.", true},
		{"a fault of the machine that passes", &kittest.Vault{Refuse: connection(3)}, -1, 0, "[0 0 0 0 0 0 0 0]", "", "", false},
		{"one that lasts", &kittest.Vault{Refuse: connection(99)}, 0, 0, "[0 0 1 1 2 2 3 3]", "a quarter longer or not",
			"The data could not be read as of one point in time.", false},
		{"changed data of a database that keeps none", &kittest.Vault{Loose: true}, 0, 0, "[0 0 1 1 2 2 3 3]", "[a 0s b from 10m0s c from 20m0s d from 30m1s]",
			"The data could not be read as of one point in time.", false},
	} {
		for _, required := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, required %v", c.name, required), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &kittest.Vault{Refuse: c.vault.Refuse, Loose: c.vault.Loose}
					var sections []export.Section
					keys := []string{"a", "b", "c", "d"}
					for _, key := range keys {
						sections = append(sections, kittest.Reads(key, v, kittest.Wait(10*time.Minute-time.Second)))
					}
					e := engine(t, func(config *export.Config) {
						config.Concurrency, config.MaxSnapshotAge = 1, c.maxAge
						if required {
							config.Consistency = export.ConsistencyRequired
						}
					}, sections...)
					if c.kill > 0 {
						time.AfterFunc(c.kill, v.Kill)
					}
					began := time.Now()
					r := request()
					finished := 0
					r.Observe = func(e export.Event) {
						if e.Kind == export.SectionFinished { // the data is another one for the next section
							finished++
							v.Add(1)
							time.Sleep(time.Second + time.Duration(finished/3)*time.Second)
						}
					}
					var b bytes.Buffer
					_, err := e.Export(t.Context(), r, &b)
					_, closed := v.Count()
					if opened := c.vault.Refuse == nil || strings.HasPrefix(c.name, "a fault"); opened != (len(closed) == 1) {
						t.Errorf("the snapshot was closed at %v", closed)
					}
					if required && c.fails != "" {
						inconsistent, ok := errors.AsType[*export.ConsistencyError](err)
						if !ok || inconsistent.Final != c.final || export.PublicText(err) != c.fails {
							t.Errorf("error is %#v: %v, want final %v: %s", err, err, c.final, c.fails)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					files := unpack(t, "zip", b.Bytes())
					said := consistency(t, files)
					if got := fmt.Sprint(numbers(t, files, keys...)); got != c.read {
						t.Errorf("sections read %s, want %s", got, c.read)
					}
					if said.Consistent != (c.at == "") {
						t.Errorf("the manifest says %+v", said)
					}
					if got := fmt.Sprint(readAt(t, said, began)); strings.HasPrefix(c.at, "[") && got != c.at {
						t.Errorf("sections were read at %s, want %s", got, c.at)
					}
				})
			})
		}
	}
}

// A worker was lost after one section, and another one goes on: with its part, or all over again.
func TestMomentOfEarlierParts(t *testing.T) {
	for _, c := range []struct {
		level   export.ConsistencyLevel
		changes int
		ran     int // sections of the second attempt
		want    string
	}{
		{export.ConsistencyBest, 7, 2, "false [0 0 7 7 7 7]"},
		{export.ConsistencyBest, 0, 2, "true [0 0 0 0 0 0]"},
		{export.ConsistencyRequired, 7, 3, "true [7 7 7 7 7 7]"},
	} {
		t.Run(fmt.Sprint(c.level, c.changes), func(t *testing.T) {
			v, spool, ran := new(kittest.Vault), new(exporttest.MemSpool), make(chan bool, 9)
			count := func(context.Context) error {
				ran <- true
				return nil
			}
			e := engine(t, func(config *export.Config) { config.Spool, config.Consistency = spool, c.level },
				kittest.Reads("a", v, count), kittest.Reads("b", v, count), kittest.Reads("c", v, count))
			r := request()
			var mu sync.Mutex // guards r.Parts
			var first []byte
			for attempt, keys := range [][]string{{"a"}, {"a", "b", "c"}, {"a", "b", "c"}} {
				for len(ran) > 0 {
					<-ran
				}
				r.Attempt, r.Sections = attempt, keys
				if err := e.Seal(t.Context(), r, func(_ context.Context, id export.PartID, _ export.SectionResult) error {
					mu.Lock()
					defer mu.Unlock()
					r.Parts = append(slices.DeleteFunc(slices.Clone(r.Parts), func(old export.PartID) bool { return old.Section == id.Section }), id)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if want := []int{1, c.ran, 0}[attempt]; len(ran) != want {
					t.Errorf("attempt %d: %d sections ran, want %d", attempt, len(ran), want)
				}
				v.Add(c.changes)
				if attempt == 0 {
					continue
				}
				var b bytes.Buffer
				if _, err := e.Join(t.Context(), r, &b); err != nil {
					t.Fatal(err)
				}
				files := unpack(t, "zip", b.Bytes())
				if got := fmt.Sprint(consistency(t, files).Consistent, " ", numbers(t, files, keys...)); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				if first == nil {
					first = b.Bytes()
				} else if !bytes.Equal(first, b.Bytes()) {
					t.Error("the same parts make other bytes")
				}
			}
		})
	}
}

// A section that the machine has failed is run again, and reads the snapshot that still lives.
func TestRerunReadsTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, ran := new(kittest.Vault), 0
		e := engine(t, nil, kittest.Reads("a", v, func(context.Context) error {
			v.Add(1)
			if ran++; ran < 3 {
				return syscall.ECONNRESET
			}
			return nil
		}))
		_, files := run(t, e, request())
		tried, closed := v.Count()
		if got := fmt.Sprint(numbers(t, files, "a")); got != "[0 0]" || ran != 3 || tried != 1 || len(closed) != 1 || !consistency(t, files).Consistent {
			t.Errorf("read %s in %d runs of %d snapshots, closed at %v", got, ran, tried, closed)
		}
	})
}

// When a snapshot was opened, how it is named and which attempt has opened it makes no byte
// different.
func TestSameBytesOfOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := new(kittest.Vault)
		var first []byte
		for i := range 4 {
			sections := []export.Section{kittest.Reads("a", v, kittest.Wait(time.Minute)), kittest.Reads("b", v, nil), kittest.Reads("c", v, kittest.Wait(time.Hour-time.Minute))}
			e := engine(t, func(c *export.Config) {
				c.Concurrency, c.MaxSnapshotAge = 1+i, -1
				if i == 3 {
					c.Consistency = export.ConsistencyRequired
				}
			}, sections...)
			r := request()
			r.Attempt = i
			var b bytes.Buffer
			if _, err := e.Export(t.Context(), r, &b); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b.Bytes()
			} else if !bytes.Equal(first, b.Bytes()) {
				t.Errorf("export %d has other bytes", i)
			}
		}
		if tried, _ := v.Count(); tried != 4 {
			t.Errorf("%d snapshots", tried)
		}
	})
}

// Parts that are of several moments are not joined if that is required.
func TestJoinOfManyMoments(t *testing.T) {
	v, spool := new(kittest.Vault), new(exporttest.MemSpool)
	sections := []export.Section{kittest.Reads("a", v, nil), kittest.Reads("b", v, nil)}
	best := engine(t, func(c *export.Config) { c.Spool = spool }, sections...)
	r := request()
	for _, key := range []string{"a", "b"} {
		kittest.Seal(t, best, r, key)
		v.Add(1)
	}
	required := engine(t, func(c *export.Config) { c.Spool, c.Consistency = spool, export.ConsistencyRequired }, sections...)
	_, err := required.Join(t.Context(), r, io.Discard)
	if inconsistent, ok := errors.AsType[*export.ConsistencyError](err); !ok || inconsistent.Final {
		t.Errorf("error is %v", err)
	}
}

// A slow destination keeps no snapshot open: it is closed when the last section has been read.
func TestMomentEndsBeforeTheArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := new(kittest.Vault)
		e := engine(t, nil, kittest.Reads("a", v, kittest.Wait(time.Minute)), kittest.Reads("b", v, nil))
		began := time.Now()
		if _, err := e.Export(t.Context(), request(), slowWriter{}); err != nil {
			t.Fatal(err)
		}
		if _, closed := v.Count(); len(closed) != 1 || closed[0].Sub(began) != time.Minute || time.Since(began) < time.Hour {
			t.Errorf("closed at %v, after %v", closed, time.Since(began))
		}
	})
}

type slowWriter struct{}

func (slowWriter) Write(p []byte) (int, error) {
	time.Sleep(time.Hour)
	return len(p), nil
}

// Sections that read no snapshot, or another database, make an archive that is not consistent.
func TestSectionsWithoutSnapshots(t *testing.T) {
	v, other := new(kittest.Vault), new(kittest.Vault)
	a, picture := kittest.Reads("a", v, nil), kittest.WithFile(kittest.Reads("picture", v, nil), "tea.png", strings.NewReader("tea"))
	for _, c := range []struct {
		name     string
		sections []export.Section
		absent   []string
		want     export.Consistency
		refused  string
	}{
		{"files", []export.Section{a, picture}, nil, export.Consistency{Consistent: true,
			Note: "All records are of one moment after as_of. The other files were copied after it, one by one, as they were then."}, ""},
		{"absent", []export.Section{a}, []string{"gone"}, export.Consistency{Consistent: true}, ""},
		{"none", []export.Section{fine("b")}, nil, export.Consistency{}, `section "b" reads no snapshot`},
		{"one without", []export.Section{fine("b"), a}, nil, export.Consistency{ReadAt: []export.SectionMoment{{Key: "a"}}}, `section "b" reads no snapshot`},
		{"two databases", []export.Section{a, kittest.Reads("b", other, nil)}, nil,
			export.Consistency{ReadAt: []export.SectionMoment{{Key: "a"}, {Key: "b"}}}, `section "b" reads another database than those before it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request()
			for _, s := range c.sections {
				r.Sections = append(r.Sections, s.Key())
			}
			r.Absent = c.absent
			_, files := run(t, engine(t, nil, c.sections...), r)
			got := consistency(t, files)
			if got.Consistent != c.want.Consistent || got.Consistent && got.Note != c.want.Note || len(got.ReadAt) != len(c.want.ReadAt) {
				t.Errorf("the manifest says %+v, want %+v", got, c.want)
			}
			for i := range c.want.ReadAt {
				if got.ReadAt[i].Key != c.want.ReadAt[i].Key {
					t.Errorf("the manifest says %+v, want %+v", got, c.want)
				}
			}
			_, err := export.New(export.Config{Sections: c.sections, Consistency: export.ConsistencyRequired})
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("required: %v, want %q", err, c.refused)
			}
		})
	}
	if tried, _ := other.Count(); tried > 0 {
		t.Errorf("%d snapshots of the second database", tried)
	}
	if _, err := export.New(export.Config{Sections: []export.Section{a}, Consistency: "always"}); err == nil {
		t.Error("a level that is unknown is taken")
	}
}
