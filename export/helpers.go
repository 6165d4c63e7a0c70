package export

import "iter"

// Records turns a typed sequence into what [Sink.Records] takes.
func Records[T any](seq iter.Seq2[T, error]) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for record, err := range seq {
			if !yield(record, err) {
				return
			}
		}
	}
}

// Progress tells the sink that a section has finished done of total items, for
// whoever observes the export. Sinks that do not show progress ignore it.
func Progress(sink Sink, done, total int64) {
	if p, ok := sink.(interface{ Progress(done, total int64) }); ok {
		p.Progress(done, total)
	}
}
