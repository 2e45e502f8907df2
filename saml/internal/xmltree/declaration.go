package xmltree

import "bytes"

// declaration reads the XML declaration if there is one (XML 1.0, production
// 23). Version 1.0 only, and no encoding but UTF-8, in any case.
func (p *Parser) declaration() bool {
	src := p.doc.src
	if !bytes.HasPrefix(src, []byte("<?xml")) || len(src) <= 5 || class[src[5]]&space == 0 {
		return true
	}
	end := bytes.Index(src, []byte("?>"))
	if end < 0 {
		return p.fail("an XML declaration without an end")
	}
	p.pos = len("<?xml")
	version, ok := p.pseudo("version", end)
	if !ok || string(version) != "1.0" {
		return p.fail("an XML version other than 1.0")
	}
	if encoding, ok := p.pseudo("encoding", end); ok && !bytes.EqualFold(encoding, []byte("UTF-8")) {
		return p.fail(ReasonEncoding)
	}
	if standalone, ok := p.pseudo("standalone", end); ok && string(standalone) != "yes" && string(standalone) != "no" {
		return p.fail("a bad XML declaration")
	}
	p.spaces()
	if p.pos != end {
		return p.fail("a bad XML declaration")
	}
	p.pos = end + len("?>")
	return true
}

// pseudo reads one name="value" of the declaration, if it comes next.
func (p *Parser) pseudo(name string, end int) (value []byte, ok bool) {
	src := p.doc.src[:end]
	rest := bytes.TrimLeft(src[p.pos:], " \t\r\n")
	if len(rest) == len(src)-p.pos || !bytes.HasPrefix(rest, []byte(name)) {
		return nil, false
	}
	rest = bytes.TrimLeft(rest[len(name):], " \t\r\n")
	if len(rest) == 0 || rest[0] != '=' {
		return nil, false
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return nil, false
	}
	n := bytes.IndexByte(rest[1:], rest[0])
	if n < 0 {
		return nil, false
	}
	p.pos = len(src) - len(rest) + n + 2
	return rest[1 : 1+n], true
}
