// Package sections has ready-made sections for package export: from a function,
// from an iterator, from SQL queries, and from the files of an [io/fs.FS].
//
// # Your own data
//
// [New] makes a section of a function that writes records and files into a sink. Their
// order there is their order in the archive:
//
//	func Products(store *Store, images fs.FS) export.Section {
//		return sections.New("products", func(ctx context.Context, scope export.Scope, sink export.Sink) error {
//			for p, err := range store.Products(ctx, scope.Organization.ID) {
//				if err != nil {
//					return err
//				}
//				if err := sink.Record(p.ID+"/product.yaml", p); err != nil {
//					return err
//				}
//				image := sections.File{Source: p.Image, Name: p.ID + "/" + path.Base(p.Image)}
//				if err := sections.CopyFile(ctx, sink, images, image); err != nil {
//					return err
//				}
//			}
//			return nil
//		})
//	}
//
// If an image is missing [CopyFile] skips it: the product is exported without it, and the
// archive says so. Test such a section with package sectiontest.
//
// [FromSeq] is shorter for a section of one file of records, and [FromFiles] for a
// section of files only.
//
// # SQL
//
// [NewSQL] makes a section of queries and of templates for file names. The id of the
// organization is bound to :organization_id, the UUID or number that it stands for to
// :organization_uuid or :organization_number. A query that uses none is refused: so a
// forgotten WHERE cannot hand one organization's data to another. The rows come from a
// database of package database/sql or from a [Source]: packages sections/postgres and
// sections/sqlite have the faster ones, and a table of what becomes of each type. [Check]
// asks the database whether the queries fit, before anything is exported.
//
// Assets are files of an [io/fs.FS], such as a folder, or of a [Files], which are opened ahead
// of their turn: package sections/fetch has those that rows name by URLs, with no way into the
// inside of your network.
//
// # Add a kind of source
//
// A section that reads something else, such as a bucket, is any [export.Section]: write a
// constructor that checks its configuration and returns [New] with a function. Sources
// that need a library are packages of their own below adapters, so that only those who
// use them link it; examples/customsection shows one as a module. sectiontest.Run is its
// test. For exportd, a source also needs its keys in
// httpapi/exportd/internal/config and its case in httpapi/exportd/internal/wire.
//
// All sections stream: memory does not grow with the number of rows or the size of files.
package sections
