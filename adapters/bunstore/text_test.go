package bunstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// odd are texts that not all databases keep.
var odd = []string{"a\x00b", "a\xffb", "\xed\xa0\x80"}

func TestOddTextIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		create(t, s)
		for _, text := range odd {
			for name, change := range map[string]func(j *jobs.Job){
				"name":          func(j *jobs.Job) { j.Organization.Name = text },
				"requester":     func(j *jobs.Job) { j.Requester = text },
				"lease owner":   func(j *jobs.Job) { j.LeaseOwner = text },
				"file name":     func(j *jobs.Job) { j.Filename = text },
				"object key":    func(j *jobs.Job) { j.ObjectKey = text },
				"section":       func(j *jobs.Job) { j.Results = []export.SectionResult{{Key: text}} },
				"job of a part": func(j *jobs.Job) { j.Parts = []export.PartID{{JobID: text}} },
			} {
				_, err := s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error { change(j); return nil })
				if err == nil || !strings.Contains(err.Error(), name+` "`) {
					t.Errorf("Update with %q gives %v, want it to name the %s", text, err, name)
				}
			}
			_, _, err := s.Create(t.Context(), "org", making(text))
			if err == nil || !strings.Contains(err.Error(), `id "`) {
				t.Errorf("Create with %q gives %v", text, err)
			}
			if err := s.CreateKey(t.Context(), access.Key{ID: "k", Name: text}); err == nil {
				t.Errorf("CreateKey takes %q", text)
			}
			if err := s.PutMember(t.Context(), access.Member{OrganizationID: "org", Subject: text}); err == nil {
				t.Errorf("PutMember takes %q", text)
			}
			for _, session := range []access.Session{{ID: text, Subject: "ann"}, {ID: "s", Subject: text}} {
				if err := s.CreateSession(t.Context(), session); err == nil {
					t.Errorf("CreateSession takes %q", text)
				}
			}
			_, _, err = s.Create(t.Context(), text, making("b"))
			if err == nil || !strings.Contains(err.Error(), `organization "`) {
				t.Errorf("Create for %q gives %v", text, err)
			}
		}
	})
}

func TestOddTextIsNotFound(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		// What bun makes of invalid UTF-8 must not be found by it.
		if err := s.PutMember(t.Context(), access.Member{OrganizationID: "org", Subject: "a\uFFFDb", Role: access.Owner}); err != nil {
			t.Fatal(err)
		}
		for _, text := range odd {
			if _, err := s.Get(t.Context(), "org", text); !errors.Is(err, export.ErrNotFound) {
				t.Errorf("Get gives %v", err)
			}
			if _, err := s.Get(t.Context(), text, "a"); !errors.Is(err, export.ErrNotFound) {
				t.Errorf("Get gives %v", err)
			}
			if _, err := s.Update(t.Context(), text, nil); !errors.Is(err, export.ErrNotFound) {
				t.Errorf("Update gives %v", err)
			}
			if m, err := s.Member(t.Context(), "org", text); !errors.Is(err, access.ErrNotFound) {
				t.Errorf("Member of %q gives %v, %v", text, m, err)
			}
			if err := s.RevokeKey(t.Context(), text, time.Now()); !errors.Is(err, access.ErrNotFound) {
				t.Errorf("RevokeKey gives %v", err)
			}
			if err := s.EndSession(t.Context(), text); !errors.Is(err, access.ErrNotFound) {
				t.Errorf("EndSession gives %v", err)
			}
			_, _, listErr := s.List(t.Context(), text, jobs.Page{Number: 1, Size: 1})
			_, keysErr := s.Keys(t.Context(), text)
			_, membersErr := s.Members(t.Context(), text)
			_, entriesErr := s.Entries(t.Context(), text, 1)
			_, sessionsErr := s.Sessions(t.Context(), text)
			err := errors.Join(listErr, keysErr, membersErr, entriesErr, sessionsErr,
				s.ExtendSession(t.Context(), text, time.Now()), s.TouchKey(t.Context(), text, time.Now()), s.RemoveMember(t.Context(), "org", text))
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// TestOddTextIsKept has what must not get lost because of it.
func TestOddTextIsKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		create(t, s)
		for _, text := range odd {
			j, err := s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error {
				j.Error, j.Results = text, []export.SectionResult{{Key: "products", Error: text}}
				return nil
			})
			if err != nil || !strings.Contains(j.Error, "\uFFFD") || j.Results[0].Error != j.Error {
				t.Errorf("Update gives %q, %v", j.Error, err)
			}
			err = s.Record(t.Context(), audit.Entry{At: time.Now(), OrganizationID: "org", Range: text, Address: text})
			if err != nil {
				t.Error(err)
			}
		}
		entries, err := s.Entries(t.Context(), "org", 10)
		if err != nil || len(entries) != len(odd) {
			t.Fatalf("Entries gives %d, %v", len(entries), err)
		}
		if last := entries[len(entries)-1]; last.Range != "a\uFFFDb" || last.Address != last.Range {
			t.Errorf("the entry has range %q and address %q", last.Range, last.Address)
		}
	})
}
