package web

import (
	"net/url"
	"strings"
	"testing"

	"sallyport/help"
	"sallyport/internal/access"
	"sallyport/internal/feedback"
	"sallyport/internal/testenv/parts"
)

// TestEachPageOfTheHelpAsksWhetherItWasHelpful, and takes the answer without
// scripts.
func TestEachPageOfTheHelpAsksWhetherItWasHelpful(t *testing.T) {
	s := secureSite(t)
	b := s.browser(t)
	for _, path := range help.Pages() {
		p := b.get(path)
		p.shows("Was this helpful?", `action="/help/feedback"`, `value="`+path+`"`)
		if n := strings.Count(p.text(), "<h1"); n != 1 || len(p.text()) > 60<<10 {
			t.Errorf("%s: %d titles, %d octets", path, n, len(p.text()))
		}
	}
	const path, comment = "/help/guides/okta", "The page has <b>moved</b>.\r\nSecond line."
	to := b.post("/help/feedback", "page", path, "rating", "no", "reason", "no.outdated", "reason", "no.unclear", "reason", "yes.solved", "comment", comment).redirected("/help/thanks?page=" + url.QueryEscape(path))
	b.get(to).shows("Thank you: your answer has arrived.", `href="`+path+`"`)
	b.get("/help/thanks?page=//other.example").shows("Thank you", `href="/help"`).hides("other.example")
	found, err := s.Feedback.List(t.Context(), parts.Operator(), feedback.Query{Limit: 10})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	a := found[0]
	if a.Page != path || a.Rating != feedback.No || len(a.Reasons) != 2 || a.Reasons[0] != feedback.Outdated || a.Comment != "The page has <b>moved</b>.\nSecond line." || a.SignedIn || a.Language != "en" {
		t.Errorf("%+v", a)
	}
	s.as(t, s.Independent(t, "home@home.test")).post("/help/feedback", "page", "/help", "rating", "yes").redirected("/help/thanks?page=%2Fhelp")
	if found, _ = s.Feedback.List(t.Context(), parts.Operator(), feedback.Query{Page: "/help", Limit: 10}); len(found) != 1 || !found[0].SignedIn {
		t.Errorf("%+v", found)
	}
}

// TestAnAnswerThatCannotBeTakenIsNotLost: what was entered stands on the page.
func TestAnAnswerThatCannotBeTakenIsNotLost(t *testing.T) {
	s := secureSite(t)
	b := s.browser(t)
	const path = "/help/errors/saml_expired"
	p := b.post("/help/feedback", "page", path, "comment", "My text")
	if p.Code != 422 {
		t.Errorf("%d", p.Code)
	}
	for _, want := range []string{"Choose Yes or No first.", "My text", `value="` + path + `"`} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	long := b.post("/help/feedback", "page", path, "rating", "no", "reason", "no.not_solved", "comment", strings.Repeat("ä", feedback.MaxComment+1))
	if long.Code != 422 || !strings.Contains(long.text(), "longer than 2,000 characters") || !strings.Contains(long.text(), `value="no.not_solved" checked`) {
		t.Errorf("%d %s", long.Code, long.text())
	}
	b.post("/help/feedback", "page", "/help/errors/none", "rating", "yes").refused(404, "not_found")
	b.post("/help/feedback", "page", "/admin", "rating", "yes").refused(404, "not_found")
	for range feedback.PerSource.Count {
		b.post("/help/feedback", "page", path, "rating", "yes")
	}
	if p := b.post("/help/feedback", "page", path, "rating", "yes", "comment", "One more"); p.Code != 429 || !strings.Contains(p.text(), "One more") {
		t.Errorf("%d", p.Code)
	}
	r := b.form("/help/feedback", "page", path, "rating", "yes")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://other.example")
	if p := s.as(t, s.Independent(t, "home@home.test")).send(r); p.Code != 403 {
		t.Errorf("another site's form: %d", p.Code)
	}
}

// TestWhatReadersSayIsTheOperators alone.
func TestWhatReadersSayIsTheOperators(t *testing.T) {
	s := secureSite(t)
	for _, in := range []feedback.NewAnswer{{Page: "/help/guides/okta", Rating: "no", Reasons: []string{"outdated"}}, {Page: "/help/guides/okta", Rating: "no"}, {Page: "/help", Rating: "yes"}} {
		if _, err := s.Feedback.Give(t.Context(), "192.0.2.1", in); err != nil {
			t.Fatal(err)
		}
	}
	for _, actor := range []access.Actor{{}, {Kind: access.KindUser, OrganizationID: "org_1", Role: access.RoleOwner, Fresh: true}, {Kind: access.KindToken, OrganizationID: "org_1", Scope: access.ScopeAdmin, Role: access.RoleOwner}} {
		if _, err := s.Feedback.List(t.Context(), actor, feedback.Query{Limit: 1}); err == nil {
			t.Errorf("%+v reads", actor)
		}
	}
	all, err := s.Feedback.Summarize(t.Context(), parts.Operator(), s.Now().Add(-1e9), s.Now().Add(1e9))
	if err != nil || len(all) != 2 || all[0].Page != "/help/guides/okta" || all[0].No != 2 || all[0].Reasons[feedback.Outdated] != 1 || all[1].Yes != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	found, _ := s.Feedback.List(t.Context(), parts.Operator(), feedback.Query{Limit: 1})
	if err := s.Feedback.Delete(t.Context(), parts.Operator(), found[0].ID); err != nil {
		t.Error(err)
	}
	if parts.Code(s.Feedback.Delete(t.Context(), parts.Operator(), found[0].ID)) != "not_found" {
		t.Error("deleted twice")
	}
	s.Pass(feedback.Keep + 1e9)
	if err := s.Feedback.Purge(t.Context()); err != nil || s.Count(t, "select count(*) from feedback_answers") != 0 {
		t.Error(err)
	}
}
