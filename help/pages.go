package help

import (
	"slices"
	"sync"
)

// A PageKind is a kind of pages of /help.
type PageKind string

// The kinds of pages.
const (
	PageHome    PageKind = "home"
	PageList    PageKind = "list" // of guides, of error codes
	PageGuide   PageKind = "guide"
	PageConcept PageKind = "concept"
	PageError   PageKind = "error"
)

// Pages returns the paths of all pages of /help, sorted.
func Pages() []string {
	var paths []string
	for path := range kinds() {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// KindOf returns the kind of the page at a path; false if there is no such page.
func KindOf(path string) (PageKind, bool) {
	kind, ok := kinds()[path]
	return kind, ok
}

var kinds = sync.OnceValue(func() map[string]PageKind {
	all := map[string]PageKind{"/help": PageHome, "/help/guides": PageList, "/help/errors": PageList}
	for _, g := range guides() {
		all["/help/guides/"+g.Slug] = PageGuide
	}
	for _, c := range concepts() {
		all["/help/concepts/"+c.Slug] = PageConcept
	}
	for code := range pages() {
		all["/help/errors/"+code] = PageError
	}
	return all
})
