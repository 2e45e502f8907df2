// Package sheet keeps what people typed from becoming a formula when a CSV file
// is opened in a spreadsheet (OWASP: CSV injection).
package sheet

import "strings"

// Kind is the media type of a CSV file (RFC 7111).
const Kind = "text/csv; charset=utf-8"

// formula are the characters with which a spreadsheet takes a cell for a formula.
const formula = "=+-@\t\r\n"

// Guard returns a cell that is no formula, in a way that [Unguard] takes back.
func Guard(cell string) string {
	if bare := strings.TrimLeft(cell, "'"); bare != "" && strings.IndexByte(formula, bare[0]) >= 0 {
		return "'" + cell
	}
	return cell
}

// Unguard returns what was given to [Guard].
func Unguard(cell string) string {
	if bare := strings.TrimLeft(cell, "'"); bare != "" && bare != cell && strings.IndexByte(formula, bare[0]) >= 0 {
		return cell[1:]
	}
	return cell
}
