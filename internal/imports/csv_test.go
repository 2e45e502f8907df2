package imports

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"sallyport/internal/fault"
)

// readAll reads a file to its end, or to what is wrong with it.
func readAll(from io.Reader) (rows []Row, err error) {
	r, err := newReader(from)
	for err == nil {
		var row Row
		if row, err = r.next(); err == nil {
			rows = append(rows, row)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return rows, err
}

func TestFilesOfAllSorts(t *testing.T) {
	const want = "2 user@acme.test|Test User|administrator "
	for name, file := range map[string]string{
		"plain":                    "email,name,role\nuser@acme.test,Test User,administrator\n",
		"other order":              "role,email,name\nadministrator,user@acme.test,Test User\n",
		"Windows":                  "email,name,role\r\nuser@acme.test,Test User,administrator\r\n",
		"no end of line":           "email,name,role\nuser@acme.test,Test User,administrator",
		"byte order mark":          "\ufeffemail,name,role\nuser@acme.test,Test User,administrator\n",
		"mark and quotes":          "\ufeff\"email\",\"name\",\"role\"\n\"user@acme.test\",\"Test User\",\"administrator\"\n",
		"capitals and spaces":      " Email , NAME ,Role\n user@acme.test ,  Test User, Administrator \n",
		"semicolons":               "email;name;role\nuser@acme.test;Test User;administrator\n",
		"tabs":                     "email\tname\trole\nuser@acme.test\tTest User\tadministrator\n",
		"other columns":            "id,email,department,name,role\n7,user@acme.test,Sales,Test User,administrator\n",
		"results of an earlier":    "email,name,role,result,code,reason,user_id\nuser@acme.test,Test User,administrator,failed,invalid,why,\n",
		"empty columns at the end": "email,name,role\nuser@acme.test,Test User,administrator,,,\n",
	} {
		for _, from := range []io.Reader{strings.NewReader(file), iotest.OneByteReader(strings.NewReader(file))} {
			rows, err := readAll(from)
			got := ""
			for _, r := range rows {
				got += fmt.Sprintf("%d %s|%s|%s %s", r.Number, r.Email, r.Name, r.Role, r.Fault)
			}
			if err != nil || got != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

func TestRowsThatAreBroken(t *testing.T) {
	file := "email,name\n" + // line 1
		"one@acme.test,One\n" +
		"two@acme.test,T\"wo\n" + // 3: a quote in the middle
		"\"three@acme.test\"x,Three\n" + // 4
		"four@acme.test,Four,extra\n" + // 5
		"\n" +
		"seven@acme.test\n" + // 7: the name is left out
		"\"eight\n8\",Eight\n" + // 8 and 9: no address, but a row
		"ten@acme.test," + strings.Repeat("x", maxRecord) + "\n" +
		"eleven@acme.test,Eleven\n"
	rows, err := readAll(iotest.HalfReader(strings.NewReader(file)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%d %q %q", r.Number, r.Email, r.Fault))
	}
	want := []string{
		`2 "one@acme.test" ""`,
		`3 "" "Its quotes do not match."`,
		`4 "" "Its quotes do not match."`,
		`5 "" "It has 3 columns, and the first line 2."`,
		`7 "seven@acme.test" ""`,
		`8 "eight\n8" ""`,
		`10 "" "It is too long."`,
		`11 "eleven@acme.test" ""`,
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("%s\nnot\n%s", a, b)
	}
	if rows[1].Cells[0] != `two@acme.test,T"wo` || rows[2].Cells[0] != `"three@acme.test"x,Three` {
		t.Errorf("the rows as they were sent: %q, %q", rows[1].Cells, rows[2].Cells)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	long := "email\n" + strings.Repeat("a@acme.test\n", MaxRows+1)
	for name, c := range map[string]struct {
		file string
		code fault.Code
		says string
	}{
		"empty":                 {"", fault.CodeInvalid, "empty"},
		"only a mark":           {"\ufeff", fault.CodeInvalid, "empty"},
		"no address column":     {"name,role\nTest User,member\n", fault.CodeInvalid, "No column is called email"},
		"a column twice":        {"email,Email\nuser@acme.test,x\n", fault.CodeInvalid, "Two columns"},
		"UTF-16":                {"\xff\xfee\x00m\x00a\x00i\x00l\x00", fault.CodeInvalid, "UTF-16"},
		"UTF-16 without a mark": {"e\x00m\x00a\x00i\x00l\x00", fault.CodeInvalid, "UTF-16"},
		"Latin-1":               {"email,name\nuser@acme.test,J\xfcrgen\n", fault.CodeInvalid, "Line 2 is not UTF-8"},
		"Latin-1 header":        {"email,pr\xe9nom\nuser@acme.test,x\n", fault.CodeInvalid, "not UTF-8"},
		"Latin-1, broken row":   {"email\n\"\xfc\"x\n", fault.CodeInvalid, "Line 2 is not UTF-8"},
		"a quote without end":   {"email,name\na@acme.test,A\nb@acme.test,\"B\nc@acme.test,C\nd@acme.test,D\n", fault.CodeInvalid, "begins in line 3"},
		"a NUL":                 {"email,name\nuser@acme.test,a\x00b\n", fault.CodeInvalid, "Line 2 is not UTF-8"},
		"many columns":          {"email" + strings.Repeat(",x", 50) + "\n", fault.CodeInvalid, "51 columns"},
		"too many rows":         {long, fault.TooLarge, "100000 rows"},
		"no CSV at all":         {"<html><body>email</body></html>\n", fault.CodeInvalid, "No column"},
	} {
		_, err := readAll(strings.NewReader(c.file))
		if f := fault.From(err); err == nil || f.Code != c.code || !strings.Contains(reasonOf(f), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Larger than a body may be, and broken off.
	body := http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader(long)), 1000)
	if _, err := readAll(body); fault.From(err).Code != fault.TooLarge {
		t.Errorf("%v", err)
	}
	if _, err := readAll(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(long)))); err == nil || fault.From(err).Code != fault.Malformed {
		t.Errorf("%v", err)
	}
}

func reasonOf(f *fault.Error) string {
	for _, field := range f.Fields {
		return field.Message
	}
	return f.Detail
}

func FuzzReader(f *testing.F) {
	f.Add("email,name,role\nuser@acme.test,Test User,member\n")
	f.Add("\ufeffemail;name\r\n\"a\"\"b\";x\r\n")
	f.Add("email\n\"a\nb\n")
	f.Fuzz(func(t *testing.T, file string) {
		rows, err := readAll(strings.NewReader(file))
		if err != nil && fault.From(err).Code == fault.Internal {
			t.Errorf("%q: %v", file, err)
		}
		last := int64(0)
		for _, r := range rows {
			if r.Number <= last {
				t.Errorf("%q: row %d after %d", file, r.Number, last)
			}
			last = r.Number
			for _, cell := range append(r.Cells, r.Email, r.Name, r.Role) {
				if !text(cell) {
					t.Errorf("%q: %q is no text", file, cell)
				}
			}
		}
	})
}
