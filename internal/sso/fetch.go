package sso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/outbound"
	"sallyport/saml/metadata"
)

// Bounds of fetching metadata.
const (
	fetchTime = 9 * time.Second // all of it; the answer to who asked takes 10 at most
	fetchSize = 150 << 20
	// fetches is how many documents one process reads at once: each takes up
	// to some 5 MiB of memory.
	fetches = 16
)

// A fetched document is what a metadata URL showed.
type fetched struct {
	entity metadata.Entity
	pin    string // that it was held against
	pinned bool   // and its signature holds
	at     time.Time
}

// A fetchError says why a metadata URL showed nothing of use, without a word of
// what it answered.
type fetchError struct {
	Reason string // one of the reasons below, or an outbound.Reason
	Line   int    // of the document; 0 if it is not about a line
	Detail string // of a document that is no good, in English
	wrong  *metadata.Error
	cause  error
}

// Reasons besides those of package outbound.
const (
	reasonStatus  = "status"  // an answer, but not the document
	reasonInvalid = "invalid" // not the metadata of one Identity Provider
	reasonSeveral = "several" // of several, and none was named
	reasonExpired = "expired" // it says that it does not count any more
	reasonBusy    = "busy"    // we are fetching too much already
	reasonEntity  = "entity"  // another entity ID than the one refused, see refresh.go
)

func (e *fetchError) Error() string {
	if e.cause == nil {
		return "metadata: " + e.Reason
	}
	return "metadata: " + e.Reason + ": " + e.cause.Error()
}

// Unwrap returns the cause, nil if there is none.
func (e *fetchError) Unwrap() error { return e.cause }

// sentence tells the reason to a person.
func (e *fetchError) sentence() string {
	switch e.Reason {
	case reasonStatus:
		return "The server answers, but not with a document: it refuses, or there is nothing at this address."
	case reasonInvalid, reasonSeveral:
		text := strings.ToUpper(e.Detail[:1]) + e.Detail[1:] + "."
		if e.Line > 0 {
			text = fmt.Sprintf("Line %d: %s.", e.Line, e.Detail)
		}
		return text
	case reasonExpired:
		return "The document says of itself that it is not valid any more."
	case reasonBusy:
		return "Too many documents are being fetched at this moment."
	}
	return outbound.Reason(e.Reason).Sentence()
}

// fault is the refusal of who gave the address.
func (e *fetchError) fault(field string) *fault.Error {
	code, reason := fault.MetadataFetchFailed, e.Reason
	switch e.Reason {
	case reasonInvalid, reasonSeveral:
		code, reason = fault.MetadataInvalid, "" // the sentence knows more
	case reasonExpired:
		code = fault.MetadataInvalid
	}
	f := fault.Wrap(e, code, e.sentence())
	f.Fields = []fault.Field{{Name: field, Message: e.sentence(), Reason: reason}}
	if e.wrong != nil {
		f.Fields[0] = metadataField(field, e.sentence(), e.wrong)
	}
	return f
}

// CheckMetadataURL reports whether an address may be one to fetch metadata
// from. Whether http passes is decided by the address that the host has.
func CheckMetadataURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > 2048:
		return errors.New("has at most 2,048 characters")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return errors.New("is an address with https")
	}
	return nil
}

// fetch reads the metadata of one Identity Provider from an address, within
// [fetchTime]. The options hold the pin. An error is a [*fetchError].
func (s *Service) fetch(ctx context.Context, address string, o *Options, which metadata.Which) (f fetched, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	select {
	case s.fetching <- struct{}{}:
		defer func() { <-s.fetching }()
	case <-ctx.Done():
		return f, &fetchError{Reason: reasonBusy, cause: ctx.Err()}
	}
	pins, why := o.pins()
	if why != "" {
		return f, &fetchError{Reason: reasonInvalid, Detail: "the pinned certificate " + why}
	}
	body, err := s.open200(ctx, address)
	if err != nil {
		return f, err
	}
	defer body.Close()
	f.entity, err = metadata.Find(body, metadata.Options{Pins: pins, MaxSize: fetchSize}, which)
	if err != nil {
		return f, unusable(err)
	}
	f.pin, f.pinned, f.at = o.MetadataPin, pins != nil, s.now()
	if until := f.entity.ValidUntil; !until.IsZero() && f.at.After(until) {
		return f, &fetchError{Reason: reasonExpired}
	}
	return f, nil
}

// open200 asks for a document.
func (s *Service) open200(ctx context.Context, address string) (io.ReadCloser, error) {
	client := s.cfg.Guard.Client(outbound.Limits{Time: fetchTime, Size: fetchSize})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &fetchError{Reason: string(outbound.NotWeb), cause: err}
	}
	req.Header.Set("Accept", "application/samlmetadata+xml, application/xml, text/xml, */*;q=0.1")
	res, err := client.Do(req)
	if err != nil {
		return nil, &fetchError{Reason: string(outbound.Explain(err)), cause: err}
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, &fetchError{Reason: reasonStatus, cause: errors.New(res.Status)}
	}
	return res.Body, nil
}

// unusable says why a document, or reading it, was no good.
func unusable(err error) *fetchError {
	var wrong *metadata.Error
	var several *metadata.Several
	switch {
	case errors.As(err, &wrong):
		plain := wrong.Unquoted()
		return &fetchError{Reason: reasonInvalid, Line: plain.Line, Detail: plain.Reason, wrong: plain, cause: err}
	case errors.As(err, &several):
		return &fetchError{Reason: reasonSeveral, Detail: several.Error() + "; name one as entity_id",
			wrong: metadata.Wrong(metadata.CodeSeveral, 0, strconv.Itoa(several.Count)), cause: err}
	}
	return &fetchError{Reason: string(outbound.Explain(err)), cause: err}
}

// refusedFetch is the answer to who gave an address.
func refusedFetch(err error) error {
	var e *fetchError
	if errors.As(err, &e) {
		return e.fault("metadata_url")
	}
	return err
}

// lookAhead fetches what an input's metadata URL shows, before the transaction
// that saves it. Of the profile its options count, with what the input makes of
// them.
func (s *Service) lookAhead(ctx context.Context, in *Input, p *Profile) error {
	if in.MetadataURL == nil || in.fetched != nil {
		return nil
	}
	address := strings.TrimSpace(*in.MetadataURL)
	in.MetadataURL = &address
	var wrong []fault.Field
	if err := CheckMetadataURL(address); err != nil {
		wrong = append(wrong, fault.Field{Name: "metadata_url", Message: err.Error()})
	}
	if in.MetadataXML != nil {
		wrong = append(wrong, fault.Field{Name: "metadata_xml", Message: "is not given together with metadata_url"})
	}
	options := p.Options
	if in.Options != nil {
		wrong = append(wrong, in.Options.apply(&options)...)
	}
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	if err := s.db.View(ctx, func(tx *db.Tx) error { return s.requireSSO(tx, p.OrganizationID) }); err != nil {
		return err
	}
	f, err := s.fetch(ctx, address, &options, in.which())
	if err != nil {
		return refusedFetch(err)
	}
	in.fetched = &f
	return nil
}

// which is the Identity Provider that an input wants of a metadata URL.
func (in *Input) which() (w metadata.Which) {
	if in.EntityID != nil {
		w.EntityID = strings.TrimSpace(*in.EntityID)
	}
	return w
}

// putSource writes where the data of a profile come from, as an input has left
// it.
func (in *Input) putSource(tx *db.Tx, p *Profile, l *ledger) error {
	if in.proposal == nil && in.MetadataURL == nil && in.MetadataXML == nil && in.EntityID == nil && in.SSOURL == nil && in.Certificates == nil {
		return nil
	}
	return putSource(tx, p, l, in.fetched)
}

// putSource writes where the data of a profile come from now. F is the document
// that they were just read from; nil: none.
func putSource(tx *db.Tx, p *Profile, l *ledger, f *fetched) error {
	if p.MetadataURL == "" {
		// What was decided stays; what a document says does not count any more.
		for sha256, st := range l.standings {
			if st.standing != Distrusted {
				delete(l.standings, sha256)
			}
		}
		if err := deleteFeed(tx, p.ID); err != nil {
			return err
		}
	}
	if f != nil {
		m := feed{}
		m.good(f, l)
		if err := putFeed(tx, p.ID, &m); err != nil {
			return err
		}
	}
	return putStandings(tx, p.ID, l)
}
