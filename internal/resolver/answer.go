package resolver

import (
	"errors"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// An answer is what a message says to our question.
type answer struct {
	code      dnsmessage.RCode
	truncated bool
	records   []dnsmessage.ResourceBody
}

// errForeign is a message that does not answer the question.
var errForeign = errors.New("an answer to another question")

// read reads a message, if it answers the question.
func read(message []byte, id uint16, q dnsmessage.Question) (*answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil {
		return nil, err
	}
	if h.ID != id || !h.Response {
		return nil, errForeign
	}
	// A server that could not read the question need not repeat it.
	questions, err := p.AllQuestions()
	switch {
	case err != nil:
		return nil, err
	case len(questions) == 1 && sameName(questions[0].Name, q.Name) && questions[0].Type == q.Type && questions[0].Class == q.Class:
	case len(questions) == 0 && h.RCode == dnsmessage.RCodeFormatError:
	default:
		return nil, errForeign
	}
	a := &answer{code: h.RCode, truncated: h.Truncated}
	if h.Truncated || h.RCode != dnsmessage.RCodeSuccess {
		return a, nil
	}
	if a.records, err = records(&p, q); err != nil {
		return nil, err
	}
	return a, nil
}

// records returns those of the asked kind at the end of the chain of aliases
// that begins at the asked name. The order of a chain is that of RFC 1034,
// section 4.3.2.
func records(p *dnsmessage.Parser, q dnsmessage.Question) (found []dnsmessage.ResourceBody, err error) {
	name := q.Name
	for range maxRecords {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		ours := sameName(h.Name, name) && h.Class == q.Class
		switch {
		case ours && h.Type == dnsmessage.TypeCNAME && q.Type != dnsmessage.TypeCNAME:
			alias, err := p.CNAMEResource()
			if err != nil {
				return nil, err
			}
			name = alias.CNAME
		case ours && h.Type == q.Type:
			body, err := body(p, q.Type)
			if err != nil {
				return nil, err
			}
			found = append(found, body)
		default:
			if err := p.SkipAnswer(); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func body(p *dnsmessage.Parser, kind dnsmessage.Type) (dnsmessage.ResourceBody, error) {
	switch kind {
	case dnsmessage.TypeTXT:
		r, err := p.TXTResource()
		return &r, err
	case dnsmessage.TypeMX:
		r, err := p.MXResource()
		return &r, err
	case dnsmessage.TypeA:
		r, err := p.AResource()
		return &r, err
	}
	r, err := p.AAAAResource()
	return &r, err
}

func sameName(a, b dnsmessage.Name) bool { return strings.EqualFold(a.String(), b.String()) }
