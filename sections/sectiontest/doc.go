// Package sectiontest tests sections: implementations of [export.Section].
//
// [Run] is the kit. It checks each promise of the contract: two runs are equal, names are
// valid, the section ends when its context ends or the sink fails, nothing of one
// organization is in the export of another, nothing is left open, and the shards of an
// [export.Splitter] are together the whole.
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
// Run it with the race detector. [Golden] compares what a section writes with a file.
// [Recorder] is a sink for tests of your own. [Check] is the kit without a *testing.T.
//
// The package registers one flag, -sectiontest.update (see [Golden]).
package sectiontest
