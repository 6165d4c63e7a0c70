package keytable

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// TestTable compares a table with a map, in memory and with many runs.
func TestTable(t *testing.T) {
	for _, memory := range []int{0, 24 * firstSlots * 4, 1 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			dir := t.TempDir()
			table, judge := New(dir, 8, memory), make(map[string]uint64)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range 40_000 {
				key := fmt.Sprint("key ", random.IntN(20_000))
				wantEntry(t, table, key, judge[key])
				if i%3 == 0 {
					continue // it is only looked up
				}
				value := random.Uint64()>>9 | 1
				set(t, table, key, value)
				judge[key] = value
			}
			for i := range 20_001 {
				key := fmt.Sprint("key ", i)
				wantEntry(t, table, key, judge[key])
			}
			if memory == 0 && len(table.runs) < 10 {
				t.Errorf("there are %d runs", len(table.runs))
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("the table shows in its folder: %v, %v", left, err)
			}
			table.Close()
		})
	}
}

func set(t *testing.T, table *Table, key string, value uint64) {
	t.Helper()
	e, err := table.Find(key)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(e.Value(), value)
	table.Put(byte(value%250) + 1)
}

// wantEntry fails the test unless the table has the value for the key, or nothing for 0.
func wantEntry(t *testing.T, table *Table, key string, value uint64) {
	t.Helper()
	e, err := table.Find(key)
	if err != nil {
		t.Fatal(err)
	}
	mark := byte(value%250) + 1
	if value == 0 {
		mark = 0
	}
	if got := binary.BigEndian.Uint64(e.Value()); got != value || e.Mark() != mark {
		t.Fatalf("%s is %d, %d, want %d, %d", key, got, e.Mark(), value, mark)
	}
}

// A table whose folder is gone says so when it needs it.
func TestNoScratch(t *testing.T) {
	table := New(t.TempDir()+"/gone", 8, 0)
	defer table.Close()
	n := 0
	for ; n < firstSlots; n++ {
		e, err := table.Find(fmt.Sprint(n))
		if err != nil {
			break
		}
		binary.BigEndian.PutUint64(e.Value(), 1)
		table.Put(2)
	}
	if n != firstSlots/load {
		t.Errorf("%d keys were put, want %d", n, firstSlots/load)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				table := New(b.TempDir(), 0, 32<<20)
				for i := range n {
					e, err := table.Find(fmt.Sprintf("folder-%d/file-%d.json", i/1000, i))
					if err != nil || e.Mark() != 0 {
						b.Fatal(err, e)
					}
					table.Put(1)
				}
				table.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/float64(b.N), "ns/key")
		})
	}
}

// TestSeed: which keys have the same place differs from table to table, so that nobody can name
// files whose places are all the same.
func TestSeed(t *testing.T) {
	places := make(map[int]bool)
	for range 100 {
		table := New(t.TempDir(), 0, 0)
		if _, err := table.Find("key"); err != nil {
			t.Fatal(err)
		}
		places[table.at] = true
		table.Close()
	}
	if len(places) < 50 {
		t.Errorf("in 100 tables a key has %d places", len(places))
	}
}
