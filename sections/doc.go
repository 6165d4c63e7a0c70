// Package sections has ready-made sections for package export: from a function,
// from an iterator, from SQL queries, and from the files of an [io/fs.FS].
//
// # Your own data
//
// [New] makes a section of a function. It writes records and files into the
// sink, in the order in which they are to be in the archive:
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
// A product whose image is missing is exported without it, and the archive says
// so: [CopyFile] skips what cannot be had. Test such a section with package
// sectiontest.
//
// [FromSeq] is shorter where a section is one file of records, [FromFiles]
// where it is files only.
//
// # SQL
//
// [NewSQL] needs no code for the data: queries, and templates of file names. The
// id of the organization is bound to :organization_id, and a query that does not
// use it is refused, so that a forgotten WHERE does not hand one organization's
// data to another.
//
// All sections stream: memory does not grow with the number of rows or the size
// of files.
package sections
