// Package sectiontest tests sections: implementations of [export.Section].
//
// [Run] is the kit. It holds a section to each promise of the contract: equal
// runs, valid names, an end when the context ends or the sink fails, nothing of
// one organization in the export of another, nothing left open.
//
//	func TestProducts(t *testing.T) {
//		db := openTestDB(t) // with data of two organizations
//		images, open := sectiontest.CountFS(os.DirFS("testdata/images"))
//		sectiontest.Run(t, sectiontest.Suite{
//			New:        func(*testing.T) export.Section { return Products(db, images) },
//			Scope:      export.Scope{Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb"}},
//			OtherScope: export.Scope{Organization: export.Organization{ID: "2LRUDfEgQDPQUuGN2svJix"}},
//			Open:       func() int { return open() + db.Stats().InUse },
//		})
//	}
//
// Run it with the race detector. [Golden] compares what a section writes with a
// file; [Recorder] is a sink for tests of your own; [Check] is the kit for where
// there is no *testing.T.
//
// The package registers one flag, -sectiontest.update (see [Golden]).
package sectiontest
