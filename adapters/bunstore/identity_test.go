package bunstore

import (
	"errors"
	"slices"
	"testing"
)

func TestIdentity(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		s := open(t, address, Config{})
		if id, err := s.Identity(t.Context()); !errors.Is(err, ErrOlderSchema) {
			t.Errorf("without tables the identity is %+v, %v, want ErrOlderSchema", id, err)
		}
		migrate(t, s)
		first, err := s.Identity(t.Context())
		if err != nil || first.ID == "" || first.Demo {
			t.Errorf("the identity is %+v, %v", first, err)
		}
		migrate(t, s)
		if again, err := migrated(t, address, Config{}).Identity(t.Context()); err != nil || again != first {
			t.Errorf("the identity is %+v, %v, then %+v", first, err, again)
		}
		other, err := migrated(t, newAddress(t), Config{}).Identity(t.Context())
		if err != nil || other.ID == first.ID {
			t.Errorf("another database has the identity %+v, %v", other, err)
		}
	})
}

// TestPurpose opens databases of a demo, of a product and of a product of before there
// were marks, each as either.
func TestPurpose(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		for _, test := range []struct {
			name string
			made Config
			old  bool
		}{{"demo", Config{Demo: true}, false}, {"product", Config{}, false}, {"product of before", Config{}, true}} {
			address := newAddress(t)
			s := open(t, address, test.made)
			all := s.migrations
			if test.old {
				s.migrations = all[:identityVersion-1]
			}
			migrate(t, s)
			if _, err := Open(t.Context(), address, Config{Demo: !test.made.Demo}); !errors.Is(err, ErrOtherPurpose) {
				t.Errorf("%s: Open as the other gives %v, want ErrOtherPurpose", test.name, err)
			}
			s.migrations, s.config.Demo = all, !test.made.Demo
			if err := s.Migrate(t.Context()); !errors.Is(err, ErrOtherPurpose) {
				t.Errorf("%s: Migrate as the other gives %v, want ErrOtherPurpose", test.name, err)
			}
			s.config.Demo = test.made.Demo
			migrate(t, s)
			if id, err := migrated(t, address, test.made).Identity(t.Context()); err != nil || id.Demo != test.made.Demo {
				t.Errorf("%s: the identity is %+v, %v", test.name, id, err)
			}
		}
	})
}

// TestAdditiveSchema has programs that run while newer ones change the tables.
func TestAdditiveSchema(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		old := migrated(t, address, Config{})
		released := old.migrations
		added := "-- additive\n" + extra
		newer := open(t, address, Config{})
		newer.migrations = append(slices.Clone(released), added, "-- additive\nCREATE TABLE orgexport_more (id INTEGER)")
		migrate(t, newer)
		if err := old.Check(t.Context()); err != nil {
			t.Errorf("after additive migrations Check of a program that runs gives %v", err)
		}
		job := create(t, old)
		if _, err := newer.Get(t.Context(), "org", job.ID); err != nil {
			t.Error(err)
		}
		if _, err := Open(t.Context(), address, Config{}); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("Open of an older program gives %v, want ErrNewerSchema", err)
		}
		newer.migrations = append(newer.migrations, "DROP TABLE orgexport_more")
		migrate(t, newer)
		if err := old.Check(t.Context()); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("after another migration Check gives %v, want ErrNewerSchema", err)
		}
		if err := newer.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
