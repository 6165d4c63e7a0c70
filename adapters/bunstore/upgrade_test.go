package bunstore

import (
	"errors"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// TestUpgradeFrom1 has data that a program of schema 1 has stored.
func TestUpgradeFrom1(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		old := open(t, address, Config{})
		all := old.migrations
		old.migrations = all[:1]
		migrate(t, old)
		storeSchema1(t, old)

		s := open(t, address, Config{})
		if err := s.Check(t.Context()); !errors.Is(err, ErrOlderSchema) {
			t.Errorf("Check gives %v, want ErrOlderSchema", err)
		}
		migrate(t, s)
		wantSchema1(t, s)
		for call, err := range map[string]error{"Check": old.Check(t.Context()), "Migrate": old.Migrate(t.Context())} {
			if !errors.Is(err, ErrNewerSchema) {
				t.Errorf("%s of the older program gives %v, want ErrNewerSchema", call, err)
			}
		}
		// An older program that runs on until it is replaced does no harm.
		insertKey1(t, old, "key2", access.Hash("2"))
		if k, err := s.KeyByHash(t.Context(), access.Hash("2")); err != nil || k.Limits != (access.Limits{}) {
			t.Errorf("its key is %+v, %v", k, err)
		}
		// What is new works beside what is old.
		if _, err := s.Count(t.Context(), "key", time.Minute); err != nil {
			t.Error(err)
		}
		var usage jobs.Usage
		job, created, err := s.Create(t.Context(), "org", func(now time.Time, u jobs.Usage) (jobs.Job, error) {
			usage = u
			return example("b", now), nil
		})
		if err != nil || created || job.ID != "a" || usage.InFlight != 1 || usage.Day != 0 {
			t.Errorf("Create gives %s, %t, %v, with the usage %+v", job.ID, created, err, usage)
		}
	})
}

// created1 is when everything of schema 1 was created.
var created1 = time.UnixMilli(1750000000123).UTC()

// storeSchema1 is SQL, as the program of today writes other tables.
func storeSchema1(t *testing.T, s *Store) {
	t.Helper()
	at := created1.UnixMilli()
	request := requestDigest(example("a", created1))
	_, err := s.db.ExecContext(t.Context(), `INSERT INTO orgexport_jobs (id, version, request, organization_id,
		organization_slug, organization_name, format, sections, retry_of, requester, created_at, as_of, status, attempt,
		failures, lease_owner, lease_until, due_at, progress, parts, results, error, filename, object_key, size)
		VALUES ('a', 7, ?, 'org', 'acme', 'Acme', 'zip', '[]', '', 'key:k', ?, ?, 'processing', 2,
		1, 'node', ?, ?, '[{"key":"products","record_count":3}]', '[{"job_id":"a","section":"products","attempt":1}]', '[]', '', '', '', 0)`,
		request, at, at, at+1000, at+1000)
	if err != nil {
		t.Fatal(err)
	}
	insertKey1(t, s, "key", access.Hash("1"))
	for _, statement := range []string{
		"INSERT INTO orgexport_members (organization_id, subject, role) VALUES ('org', 'ann', 'owner')",
		"INSERT INTO orgexport_audit (at, action, actor, organization_id, job_id, address, byte_range, bytes, complete) " +
			"VALUES (1750000000123, 'download', 'key:key', 'org', 'a', '192.0.2.1', '', 99, " + s.yes() + ")",
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *Store) yes() string {
	if s.postgres {
		return "true"
	}
	return "1"
}

func insertKey1(t *testing.T, s *Store, id string, hash [32]byte) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), `INSERT INTO orgexport_keys (id, hash, kind, organization_id, role, user_id, name, created_at)
		VALUES (?, ?, 'csb', 'org', 'manager', '', 'the key', ?)`, id, hash[:], created1.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
}

func wantSchema1(t *testing.T, s *Store) {
	t.Helper()
	j, err := s.Get(t.Context(), "org", "a")
	if err != nil || j.Status != jobs.Processing || j.Attempt != 2 || !j.CreatedAt.Equal(created1) ||
		len(j.Progress) != 1 || len(j.Parts) != 1 || j.LeaseOwner != "node" {
		t.Errorf("the job is %+v, %v", j, err)
	}
	k, err := s.KeyByHash(t.Context(), access.Hash("1"))
	want := access.Key{ID: "key", Kind: access.Business, Hash: access.Hash("1"), OrganizationID: "org", Role: access.Manager,
		Name: "the key", CreatedAt: created1}
	if err != nil || k != want {
		t.Errorf("the key is %+v, %v, want %+v", k, err, want)
	}
	if m, err := s.Member(t.Context(), "org", "ann"); err != nil || m.Role != access.Owner {
		t.Errorf("the member is %+v, %v", m, err)
	}
	entries, err := s.Entries(t.Context(), "org", 10)
	if err != nil || len(entries) != 1 || entries[0].Action != audit.Action("download") || entries[0].Bytes != 99 || !entries[0].Complete {
		t.Errorf("the trail is %+v, %v", entries, err)
	}
	if _, err := s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error { j.Attempt++; return nil }); err != nil {
		t.Error(err)
	}
}
