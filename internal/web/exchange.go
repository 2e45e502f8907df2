package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/help"
	"sallyport/internal/sso"
)

// An exchange is the step in which both sides learn of each other, at one of its
// two doors: for an administrator, whose data become the profile's, and for the
// holder of a setup link, whose data become the draft's.
type exchange struct {
	*visit              // without an organization for the holder
	base   string       // path of the step
	saved  *sso.Profile // what is saved so far
	access SSOAccess
	ours   help.Values
	frame  AdminFrame
	verb   string // that saves
	read   func(way sso.Source, in sso.Input) (sso.Reading, error)
	// agree adds to the form that saves what has to be agreed to, and agreed
	// refuses the form without that.
	agree  func(f *form)
	agreed func(f *form) error
	save   func(readingID, entityID string) error
	saidOn string // where to go on once that is done
	// Show and showReading answer with a page.
	show        func(status int, v exchangeView) error
	showReading func(status int, v readingView) error
}

// An exchangeView is the step in which both sides learn of each other: our
// values with the guide of the Identity Provider, and the form for its data.
type exchangeView struct {
	formView
	SSOAccess
	IdPName string
	Ours    help.Values
	Guide   guideView
	HasIdP  bool
	IdP     idpView // as it is saved
	Ways    []Tab
	Excerpt []excerptLine // of the document, around what is wrong with it
	// Delegate is where somebody else is asked to do this; empty: nobody is.
	Delegate string
}

// An excerptLine is a line of a document.
type excerptLine struct {
	Number, Text string
	Wrong        bool
}

// enter shows what each side has to know of the other, and reads what is given of
// the Identity Provider. It is saved on the page after it.
func (x *exchange) enter() error {
	sent, err := x.sentIdP()
	if err != nil {
		return err
	}
	way := ways[0]
	for _, one := range ways {
		if by := x.URL.Query().Get("by"); string(one) == by {
			way = one
		}
	}
	f := x.form("profiles.show")
	f.page = func(status int, form formView) error { return x.show(status, x.view(form, way, sent)) }
	f.idpFields(way, x.saved)
	if !f.sent() {
		return f.show(nil)
	}
	r, err := x.read(way, idpInput(way, sent))
	if err != nil {
		return f.show(err)
	}
	return x.redirect(x.base + "/" + r.ID)
}

// form begins a form of the step.
func (x *exchange) form(verb string) *form {
	return &form{visit: x.visit, formView: formView{AdminFrame: x.frame, Action: x.here(), Verb: x.frame.T(verb)}}
}

func (x *exchange) view(form formView, way sso.Source, sent url.Values) exchangeView {
	view := exchangeView{formView: form, SSOAccess: x.access, IdPName: form.product(x.saved.IdP), Ours: x.ours, HasIdP: x.saved.EntityID != ""}
	if g, ok := help.GuideFor(x.saved.IdP); ok {
		view.Guide = newGuide(g, x.ours)
	}
	if x.saved.IdP == "other" { // which has no name
		view.IdPName = view.T("profiles.your_idp")
	}
	if view.HasIdP {
		view.IdP = view.idp(x.saved, nil, time.Now())
	}
	for _, one := range ways {
		view.Ways = append(view.Ways, Tab{Link{view.Word("way_in", string(one)), "?by=" + string(one) + "#metadata"}, one == way})
	}
	if len(view.Errors) > 0 {
		view.Excerpt = excerpt(sent.Get("metadata_xml"), view.Errors[0].Line)
	}
	return view
}

type readingView struct {
	formView
	Again   string // where something else is given
	Choose  bool   // there are several
	Search  bool   // more than a page shows
	Query   string
	Count   int64
	Found   []foundRow
	More    int64 // that are not shown
	IdP     idpView
	Dropped []certificateView // that are saved and were not read
	// Warnings are about what was read.
	Warnings []string
}

// A foundRow is one of several. Without a URL it is read once more.
type foundRow struct{ Name, EntityID, URL, Fault string }

// reading shows what was read of an Identity Provider, and saves it.
func (x *exchange) reading(r *sso.Reading) error {
	entityID := x.FormValue("entity_id")
	if entityID == "" && len(r.Found) > 1 {
		return x.choose(r)
	}
	chosen, err := r.Choose(entityID)
	if err != nil {
		return x.choose(r)
	}
	if chosen.NameOnly {
		return x.readAgain(r, chosen.EntityID)
	}
	f := x.form(x.verb)
	f.Hidden = []hiddenInput{{"entity_id", chosen.EntityID}}
	f.page = func(status int, form formView) error { return x.showReading(status, x.readingView(form, r, &chosen)) }
	x.agree(f)
	if !f.sent() {
		return f.show(nil)
	}
	if err := x.agreed(f); err != nil {
		return f.show(err)
	}
	if err := x.save(r.ID, chosen.EntityID); err != nil {
		return f.show(err)
	}
	return x.redirect(x.saidOn)
}

// readAgain reads the one of several at a metadata URL that was chosen.
func (x *exchange) readAgain(r *sso.Reading, entityID string) error {
	if x.Method != http.MethodPost {
		return x.choose(r)
	}
	again, err := x.read(sso.FromURL, sso.Input{MetadataURL: &r.URL, EntityID: &entityID})
	if err != nil {
		return err
	}
	return x.redirect(x.base + "/" + again.ID)
}

func (x *exchange) readingView(form formView, r *sso.Reading, chosen *sso.Proposal) readingView {
	now := time.Now()
	next := x.saved.With(*chosen, now)
	view := readingView{formView: form, Again: x.again(r.Source), IdP: form.idp(&next, x.saved, now)}
	view.IdP.DisplayName = chosen.DisplayName
	view.Warnings = form.proposalWarnings(x.saved, chosen, &next, now)
	for _, c := range x.saved.Certificates {
		if !holds(&next, c.SHA256) {
			view.Dropped = append(view.Dropped, form.certificate(c.Certificate, now))
		}
	}
	return view
}

// proposalWarnings tells what is worth a second look before it is saved.
func (f Frame) proposalWarnings(saved *sso.Profile, chosen *sso.Proposal, next *sso.Profile, now time.Time) []string {
	texts := f.warnings(next.Warnings(now, false))
	if chosen.WantsSignedRequests && !saved.Options.SignRequests {
		texts = append(texts, f.T("profiles.wants_signed"))
	}
	if !chosen.ValidUntil.IsZero() && now.After(chosen.ValidUntil) {
		texts = append(texts, f.T("profiles.document_old", f.Date(chosen.ValidUntil)))
	}
	if saved.EntityID != "" && saved.EntityID != chosen.EntityID {
		texts = append(texts, f.T("profiles.other_entity"))
	}
	return texts
}

func (x *exchange) again(source sso.Source) string {
	return x.base + "?by=" + string(source) + "#metadata"
}

// maxFound is how many Identity Providers of a document a page shows.
const maxFound = 50

// choose lets somebody choose one of several.
func (x *exchange) choose(r *sso.Reading) error {
	view := readingView{formView: x.form(x.verb).formView, Again: x.again(r.Source),
		Choose: true, Count: int64(len(r.Found)), Query: x.URL.Query().Get("q"), Search: len(r.Found) > maxFound}
	view.Action = x.URL.Path
	word := strings.ToLower(view.Query)
	for _, one := range r.Found {
		if !strings.Contains(strings.ToLower(one.EntityID), word) && !strings.Contains(strings.ToLower(one.DisplayName), word) {
			continue
		}
		if len(view.Found) == maxFound {
			view.More++
			continue
		}
		row := foundRow{Name: one.DisplayName, EntityID: one.EntityID}
		if one.Fault != nil {
			row.Fault, _ = view.catalog.reason(view.Lang, one.Wrong())
		}
		if !one.NameOnly {
			row.URL = "?" + url.Values{"entity_id": {one.EntityID}}.Encode()
		}
		view.Found = append(view.Found, row)
	}
	return x.showReading(http.StatusOK, view)
}
