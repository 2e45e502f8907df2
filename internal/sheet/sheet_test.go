package sheet_test

import (
	"testing"

	"sallyport/internal/sheet"
)

func TestCellsAreNoFormulas(t *testing.T) {
	for _, cell := range []string{"=1+1", "+49 30", "-x", "@SUM(A1)", "\t=1", "\r", "\n=x", "'=1", "''=1"} {
		g := sheet.Guard(cell)
		if g[0] != '\'' || sheet.Unguard(g) != cell {
			t.Errorf("%q: %q, %q", cell, g, sheet.Unguard(g))
		}
	}
	for _, cell := range []string{"", "'", "O'Neil", "'quoted'", "user@acme.test", "1-2", "a=b"} {
		if sheet.Guard(cell) != cell || sheet.Unguard(cell) != cell {
			t.Errorf("%q: %q, %q", cell, sheet.Guard(cell), sheet.Unguard(cell))
		}
	}
}
