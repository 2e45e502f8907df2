package metadata

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A Several is the error of a document with more than one Identity Provider of
// which none was named.
type Several struct {
	Count int
	// Found are the first [MaxNamed] of them, in the order of the document.
	Found []Named
}

// A Named is an Identity Provider to choose.
type Named struct{ ID, DisplayName string }

// MaxNamed is how many Identity Providers a [Several] names.
const MaxNamed = 1000

func (s *Several) Error() string {
	return fmt.Sprintf("the document holds %d Identity Providers", s.Count)
}

// Which says which Identity Provider of a document is wanted.
type Which struct {
	// EntityID names it. Empty: the only one.
	EntityID string
	// OrOnly takes the only one of the document, too, if it has another name.
	OrOnly bool
}

// Find reads a document of any number of entities, in bounded memory, and
// returns one Identity Provider for SAML 2.0. The document is read to its end.
// An error is an [*Error], a [*Several], or what the reader returned.
func Find(r io.Reader, o Options, which Which) (Entity, error) {
	in := bufio.NewReaderSize(r, 4096)
	head, err := in.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return Entity{}, err
	}
	if code := notMetadata(head); code != "" {
		return Entity{}, Wrong(code, 0)
	}
	f := finder{which: which, line: 1}
	if err := Each(in, o, f.add); err != nil {
		return Entity{}, err
	}
	return f.chosen()
}

// A finder looks for one Identity Provider among entities.
type finder struct {
	which   Which
	match   *Entity // that is wanted, or may be
	named   int     // of the name that is wanted
	several Several
	sp      bool
	line    int // of the last entity
}

func (f *finder) add(e Entity) error {
	f.sp, f.line = f.sp || e.IsSP, e.Line
	named := f.which.EntityID != "" && e.ID == f.which.EntityID
	if e.IdP == nil && e.Fault == nil || f.which.EntityID != "" && !named && !f.which.OrOnly {
		return nil
	}
	if named {
		f.named++
	}
	if f.match == nil || named {
		f.match = &e
	}
	if f.several.Count++; len(f.several.Found) < MaxNamed {
		f.several.Found = append(f.several.Found, Named{e.ID, e.DisplayName})
	}
	return nil
}

func (f *finder) chosen() (Entity, error) {
	switch {
	case f.named > 1:
		return Entity{}, Wrong(CodeTwice, 0)
	case f.named == 0 && f.several.Count > 1 && f.which.EntityID != "":
		return Entity{}, Wrong(CodeNoneOf, 0)
	case f.named == 0 && f.several.Count > 1:
		return Entity{}, &f.several
	case f.match != nil && f.match.Fault != nil:
		return Entity{}, f.match.Fault
	case f.match != nil:
		return *f.match, nil
	case f.which.EntityID != "" && !f.which.OrOnly:
		return Entity{}, Wrong(CodeNoSuchEntity, 0)
	case f.sp:
		return Entity{}, Wrong(CodeServiceProvider, f.line)
	}
	return Entity{}, Wrong(CodeNoIdP, f.line)
}
