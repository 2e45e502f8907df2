package proof

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"sallyport/internal/outbound"
	"sallyport/internal/resolver"
)

// Names and values under which a domain is proved.
const (
	label  = "_sallyport-challenge."
	prefix = "sallyport-verification="
	path   = "/.well-known/sallyport-verification.txt"
)

// TXTName is the name of a domain's TXT record.
func TXTName(domain string) string { return label + domain }

// FileURL is where a domain's file is looked for.
func FileURL(domain string) string { return "https://" + domain + path }

// Value is what the record or a line of the file holds, for a claim's token.
func Value(token string) string { return prefix + token }

// Bounds of a search.
const (
	searchTime = 25 * time.Second
	fileTime   = 10 * time.Second
	fileSize   = 4 << 10
	maxValues  = 5   // proofs of other claims that are told
	maxValue   = 100 // octets of one
	searches   = 32  // of one process, at once
)

// A Prover looks for proofs. It may be used by several goroutines at once.
type Prover struct {
	resolvers []resolver.Resolver
	guard     *outbound.Guard
	now       func() time.Time
	slots     chan struct{}
}

// New makes a Prover that asks all of these resolvers.
func New(resolvers []resolver.Resolver, guard *outbound.Guard, now func() time.Time) *Prover {
	return &Prover{resolvers, guard, now, make(chan struct{}, searches)}
}

// Look looks for the proof of a claim: of a domain, given as an A-label, with
// the claim's token. It takes half a minute at most. An error means that there
// was no time to look.
func (p *Prover) Look(ctx context.Context, domain, token string) (Findings, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return Findings{}, ctx.Err()
	}
	f := Findings{At: p.now(), Sightings: make([]Sighting, len(p.resolvers))}
	var all sync.WaitGroup
	for i, r := range p.resolvers {
		all.Go(func() { f.Sightings[i] = p.through(ctx, r, domain, Value(token)) })
	}
	all.Wait()
	return f, ctx.Err()
}

// through looks with the eyes of one resolver.
func (p *Prover) through(ctx context.Context, r resolver.Resolver, domain, want string) Sighting {
	s := Sighting{Resolver: r.Name()}
	texts, err := r.TXT(ctx, TXTName(domain))
	if err != nil {
		s.TXT = Failed
	} else {
		s.read(texts, want)
	}
	if s.TXT == Found {
		return s
	}
	switch hosts, err := r.MX(ctx, domain); {
	case err != nil:
		s.MX = Failed
	case len(hosts) == 0:
		s.MX = None
	default:
		s.MX = Found
		s.File, s.Reason = p.file(ctx, r, domain, want)
	}
	return s
}

// read compares the texts at the name of the record. Of others only those are
// repeated that are proofs too, so that an old one can be told from the right
// one.
func (s *Sighting) read(texts []string, want string) {
	s.TXT = None
	for _, text := range texts {
		text = strings.TrimSpace(text)
		switch {
		case text == want:
			s.TXT, s.Values, s.Others = Found, nil, 0
			return
		case isProof(text) && len(s.Values) < maxValues:
			s.Values = append(s.Values, text)
		default:
			s.Others++
		}
		s.TXT = Other
	}
}

// isProof reports whether a text has the form of a proof, so that it can be
// shown.
func isProof(text string) bool {
	token, ok := strings.CutPrefix(text, prefix)
	return ok && len(text) <= maxValue && !strings.ContainsFunc(token, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// file looks for the proof on the domain's web server, at the addresses that
// the resolver shows. A redirect is followed within the domain alone: where
// another host answers for all of it, that one proves nothing.
func (p *Prover) file(ctx context.Context, r resolver.Resolver, domain, want string) (Outcome, outbound.Reason) {
	client := p.guard.Client(outbound.Limits{
		Time: fileTime, Size: fileSize, Lookup: r.Addresses,
		Follow: func(to *url.URL) bool {
			host := strings.ToLower(to.Hostname())
			return to.Scheme == "https" && (host == domain || strings.HasSuffix(host, "."+domain))
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, FileURL(domain), nil)
	if err != nil {
		return Failed, outbound.NotWeb
	}
	res, err := client.Do(req)
	if err != nil {
		return unread(err)
	}
	defer res.Body.Close()
	switch code := res.StatusCode; {
	case code == http.StatusOK:
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return Failed, outbound.Unreachable
	default:
		return None, ""
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return unread(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(strings.TrimPrefix(line, "\uFEFF")) == want {
			return Found, ""
		}
	}
	return Other, ""
}

// unread tells a server that shows something else from one that shows nothing
// just now.
func unread(err error) (Outcome, outbound.Reason) {
	reason := outbound.Explain(err)
	if reason == outbound.Redirected || reason == outbound.TooLarge {
		return Other, reason
	}
	return Failed, reason
}
