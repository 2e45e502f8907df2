package c14n

import (
	"bytes"
	"slices"
	"strings"

	"sallyport/saml/internal/xmltree"
)

// inheritXML gives the apex of an inclusive form the xml: attributes that it
// has from its ancestors (Canonical XML 1.0, section 2.4). Canonical XML 1.1
// inherits xml:lang and xml:space alone, and joins xml:base.
func (w *Writer) inheritXML(apex xmltree.Element) {
	for e := apex.Parent(); !e.IsZero(); e = e.Parent() {
		for k := range e.Node().Attrs() {
			a := e.Node().Attr(k)
			local := a.Local()
			if a.Namespace() != xmltree.XML || w.hasXML(local) {
				continue
			}
			if w.method.V11 && string(local) != "lang" && string(local) != "space" {
				continue
			}
			w.attrs = append(w.attrs, a)
		}
	}
	if w.method.V11 {
		w.joinBase(apex)
	}
}

func (w *Writer) hasXML(local []byte) bool {
	for i := range w.attrs {
		if w.attrs[i].Namespace() == xmltree.XML && bytes.Equal(w.attrs[i].Local(), local) {
			return true
		}
	}
	return false
}

// joinBase replaces or adds the apex's xml:base by the one that results from
// all its ancestors' (Canonical XML 1.1, section 2.4). Where none of them has
// one, or nothing results, there is nothing to write but what stands there.
func (w *Writer) joinBase(apex xmltree.Element) {
	value, own := apex.AttrNS(xmltree.XML, "base")
	base, outermost := string(value), xmltree.Attribute{}
	joined := false
	for e := apex.Parent(); !e.IsZero(); e = e.Parent() {
		for k := range e.Node().Attrs() {
			a := e.Node().Attr(k)
			if !isBase(a) {
				continue
			}
			outer, _ := a.Value()
			if own || joined {
				base = joinURI(string(outer), base)
			} else {
				base = string(outer)
			}
			outermost, joined = a, true
		}
	}
	if !joined {
		return
	}
	w.attrs = slices.DeleteFunc(w.attrs, isBase)
	if base != "" {
		w.attrs = append(w.attrs, outermost.With([]byte(base)))
	}
}

func isBase(a xmltree.Attribute) bool {
	return a.Namespace() == xmltree.XML && string(a.Local()) == "base"
}

// joinURI is the join-URI-References function of Canonical XML 1.1, section
// 2.4: the transformation of RFC 3986, section 5.2, for a base that may be
// relative itself, with the changes that the section makes to it.
func joinURI(base, ref string) string {
	b, r := splitURI(base), splitURI(ref)
	t := uri{scheme: b.scheme, authority: b.authority, path: r.path, query: r.query}
	switch {
	case r.scheme != "":
		t.scheme, t.authority = r.scheme, r.authority
	case r.authority != "":
		t.authority = r.authority
	case r.path == "":
		t.path = b.path
		if r.query == "" {
			t.query = b.query
		}
	case strings.HasPrefix(r.path, "/"):
	case b.authority != "" && b.path == "":
		t.path = "/" + r.path
	default:
		dir := b.path
		if strings.HasSuffix(dir, "..") {
			// ".." as the last segment stands for a directory.
			dir += "/"
		}
		t.path = dir[:strings.LastIndexByte(dir, '/')+1] + r.path
	}
	return t.scheme + t.authority + removeDots(t.path) + t.query
}

// A uri is the parts of a URI reference, each with its delimiter.
type uri struct{ scheme, authority, path, query string }

func splitURI(s string) (u uri) {
	s, _, _ = strings.Cut(s, "#")
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, u.query = s[:i], s[i:]
	}
	if i := strings.IndexByte(s, ':'); i > 0 && absolute([]byte(s[:i+1])) {
		u.scheme, s = s[:i+1], s[i+1:]
	}
	if strings.HasPrefix(s, "//") {
		end := strings.IndexByte(s[2:], '/')
		if end < 0 {
			return uri{u.scheme, s, "", u.query}
		}
		u.authority, s = s[:end+2], s[end+2:]
	}
	u.path = s
	return u
}

// removeDots is remove_dot_segments of RFC 3986, section 5.2.4, as Canonical
// XML 1.1 changes it: leading ".." segments of a relative path stay, adjacent
// slashes become one, and a trailing ".." gets its slash.
func removeDots(path string) string {
	absolutePath := strings.HasPrefix(path, "/")
	var out []string
	segments := strings.Split(path, "/")
	dir := false // the result names a directory
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "" || s == ".":
			dir = dir || last
		case s == ".." && len(out) > 0 && out[len(out)-1] != "..":
			out = out[:len(out)-1]
			dir = last
		case s == ".." && absolutePath:
			dir = last
		case s == "..":
			out = append(out, s)
			dir = last
		default:
			out = append(out, s)
			dir = false
		}
	}
	joined := strings.Join(out, "/")
	if absolutePath {
		joined = "/" + joined
	}
	if dir && len(out) > 0 {
		joined += "/"
	}
	return joined
}
