package directory

// A Page selects a part of a list, newest first.
type Page struct {
	After string // where the page before ended; empty for the first one
	Limit int
}

// before is an id that every wanted one is less than: with it the engines find
// the place in the index, however far behind the first page it is.
func (p Page) before(prefix string) string {
	if p.After == "" {
		return prefix + "z" // ids end before w; see package id
	}
	return p.After
}
