package imports

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/sheet"
)

// Limits of a file.
const (
	MaxRows    = 100_000
	MaxBytes   = 32 << 20
	maxRecord  = 8 << 10 // octets of a row
	maxColumns = 50
)

// ours are columns of a file with results, which may come back with corrections.
var ours = []string{"result", "code", "reason", "user_id"}

// A reader reads the rows of a CSV file as they come (RFC 4180): with the columns
// in any order, separated by commas, semicolons or tabs, with a byte order mark
// or without, with line ends of any system.
type reader struct {
	csv    *csv.Reader
	tape   *tape
	header []string
	width  int   // of the first line
	keep   []int // columns that are not ours
	email  int
	name   int // -1: there is none
	role   int
	rows   int
	first  map[string]int64 // row, by address
}

// newReader reads the header. Its errors are faults.
func newReader(from io.Reader) (*reader, error) {
	r := &reader{tape: &tape{from: from}, first: map[string]int64{}}
	buffered := bufio.NewReaderSize(r.tape, maxRecord)
	start, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, readFault(err)
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		buffered.Discard(3) // it is there
		r.tape.base = -3    // what the csv reader never sees
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")), bytes.IndexByte(start, 0) >= 0:
		return nil, invalid("The file is UTF-16. Save it as CSV UTF-8.")
	}
	first, err := buffered.Peek(maxRecord)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, readFault(err)
	}
	first, _, _ = bytes.Cut(first, []byte("\n"))
	r.csv = csv.NewReader(buffered)
	r.csv.FieldsPerRecord = -1
	r.csv.Comma = separator(string(first))
	header, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, invalid("The file is empty. Its first line names the columns: email, name, role.")
	}
	if err != nil {
		return nil, readFault(err)
	}
	return r, r.columns(header)
}

func invalid(message string) error {
	return fault.Invalid(fault.Field{Name: "file", Message: message})
}

// readFault says why nothing more can be read.
func readFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return fault.New(fault.TooLarge, "The file has more than 32 MiB. Split it.")
	}
	var wrong *csv.ParseError
	if errors.As(err, &wrong) {
		return invalid(fmt.Sprintf("Line %d can't be read: %v.", wrong.Line, wrong.Err))
	}
	return fault.Wrap(err, fault.Malformed, "The file broke off.")
}

// separator is what stands between the columns that the first line names.
func separator(first string) rune {
	for _, comma := range []rune{',', ';', '\t'} {
		for cell := range strings.SplitSeq(first, string(comma)) {
			if columnName(cell) == "email" {
				return comma
			}
		}
	}
	return ','
}

func columnName(cell string) string {
	return strings.ToLower(strings.Trim(cell, " \t\r\n\"\ufeff"))
}

// columns finds the columns by their names. Those that it does not know are
// kept and not looked at.
func (r *reader) columns(header []string) error {
	if len(header) > maxColumns {
		return invalid(fmt.Sprintf("The file has %d columns, and may have %d.", len(header), maxColumns))
	}
	r.width = len(header)
	at := map[string]int{"email": -1, "name": -1, "role": -1}
	for i, cell := range header {
		if !text(cell) {
			return invalid("The first line is not UTF-8. Save the file as CSV UTF-8.")
		}
		name := columnName(cell)
		if found, known := at[name]; known && found >= 0 {
			return invalid(fmt.Sprintf("Two columns are called %s.", name))
		} else if known {
			at[name] = i
		}
		if !slices.Contains(ours, name) {
			r.keep, r.header = append(r.keep, i), append(r.header, strings.TrimSpace(cell))
		}
	}
	if r.email, r.name, r.role = at["email"], at["name"], at["role"]; r.email < 0 {
		return invalid("No column is called email. The first line names the columns: email, name, role.")
	}
	r.tape.cut(r.csv.InputOffset())
	return nil
}

// next returns the next row, or io.EOF. Its other errors are faults: nothing of
// the file can be used. A row that can't be read has a Fault of its own.
func (r *reader) next() (Row, error) {
	record, err := r.csv.Read()
	raw := r.tape.cut(r.csv.InputOffset())
	var wrong *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return Row{}, io.EOF
	case errors.As(err, &wrong) && !errors.As(err, new(*http.MaxBytesError)):
		return r.broken(int64(wrong.StartLine), raw, "Its quotes do not match.")
	case err != nil:
		return Row{}, readFault(err)
	}
	line, _ := r.csv.FieldPos(0)
	if r.rows++; r.rows > MaxRows {
		return Row{}, fault.Newf(fault.TooLarge, "The file has more than %d rows. Split it.", MaxRows)
	}
	row := Row{Number: int64(line)}
	for _, cell := range record {
		if !text(cell) {
			return row, invalid(fmt.Sprintf("Line %d is not UTF-8. Save the file as CSV UTF-8.", line))
		}
	}
	switch {
	case len(raw) > maxRecord:
		row.Fault = "It is too long."
		row.Cells = []string{strings.ToValidUTF8(string(raw[:200]), "") + "…"}
		return row, nil
	case r.ragged(record):
		row.Cells, row.Fault = record, fmt.Sprintf("It has %d columns, and the first line %d.", len(record), r.width)
		return row, nil
	}
	cell := func(i int) string {
		if i < 0 || i >= len(record) {
			return ""
		}
		return strings.TrimSpace(sheet.Unguard(record[i]))
	}
	row.Email, row.Name, row.Role = cell(r.email), cell(r.name), strings.ToLower(cell(r.role))
	if a, err := directory.ParseAddress(row.Email); err == nil {
		if row.first = r.first[a.Key]; row.first == 0 {
			r.first[a.Key] = row.Number
		}
	}
	for _, i := range r.keep {
		if i < len(record) {
			row.Cells = append(row.Cells, sheet.Unguard(record[i]))
		}
	}
	return row, nil
}

// ragged reports whether a row has other columns than the header: more, or so few
// that the address is missing. Empty columns at the end don't matter: spreadsheets
// leave them out, or add some.
func (r *reader) ragged(record []string) bool {
	return len(record) <= r.email || len(record) > r.width && strings.Join(record[r.width:], "") != ""
}

// broken is a row that is none.
func (r *reader) broken(line int64, raw []byte, why string) (Row, error) {
	if r.rows++; r.rows > MaxRows {
		return Row{}, fault.Newf(fault.TooLarge, "The file has more than %d rows. Split it.", MaxRows)
	}
	if bytes.Count(raw, []byte("\n")) > 1 {
		return Row{}, invalid(fmt.Sprintf("A quote that begins in line %d does not end as it should.", line))
	}
	shown := strings.TrimRight(string(raw[:min(len(raw), maxRecord)]), "\r\n")
	if !text(shown) {
		return Row{}, invalid(fmt.Sprintf("Line %d is not UTF-8. Save the file as CSV UTF-8.", line))
	}
	return Row{Number: line, Cells: []string{shown}, Fault: why}, nil
}

// text reports whether a database takes it.
func text(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// A tape remembers what was read and not cut off yet.
type tape struct {
	from io.Reader
	kept []byte
	base int64 // where kept begins
}

func (t *tape) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.kept = append(t.kept, p[:n]...)
	return n, err
}

// cut returns what stands before an offset, and forgets it.
func (t *tape) cut(to int64) []byte {
	n := min(max(0, int(to-t.base)), len(t.kept))
	part := slices.Clone(t.kept[:n])
	t.kept = append(t.kept[:0], t.kept[n:]...)
	t.base += int64(n)
	return part
}
