package web

import (
	"net/http"
	"slices"

	"sallyport/help"
	"sallyport/internal/fault"
)

// A HelpFrame is the frame of a page of /help, with its search.
type HelpFrame struct {
	Frame
	Up      Link
	Query   string // what was searched for
	English bool   // the title is in English, whatever the page's language
	Path    string // of the page
}

// helpFrame makes the frame of a page of help. The pages are for everybody; who
// is signed in keeps the way back.
func (r *request) helpFrame(title string, up Link) (HelpFrame, error) {
	if _, err := r.visitor(); err != nil {
		return HelpFrame{}, err
	}
	return HelpFrame{Frame: r.room(title, "help"), Up: up, Path: r.URL.Path}, nil
}

func (r *request) upToHelp() Link { return Link{r.text("help.title"), "/help"} }

type helpHomeView struct {
	HelpFrame
	Concepts []helpEntry
	Guides   []Link
	Searched bool
	Hits     []helpHit
}

// A helpEntry is a page with what it is about, in English.
type helpEntry struct{ Title, URL, Summary string }

type helpHit struct {
	helpEntry
	What string // kind of page
}

// helpHome shows what help there is, or what a search found.
func (w *Web) helpHome(r *request) error {
	frame, err := r.helpFrame("help.title", Link{})
	if err != nil {
		return err
	}
	v := helpHomeView{HelpFrame: frame, Guides: guideLinks()}
	if v.Query = r.URL.Query().Get("q"); v.Query != "" {
		v.Searched, v.Up, v.Title = true, r.upToHelp(), v.T("help.results")
		v.Query = shorten(v.Query, help.MaxQuery)
		for _, h := range help.Search(v.Query) {
			v.Hits = append(v.Hits, helpHit{helpEntry{h.Title, h.URL, h.Excerpt}, v.Word("help_kind", string(h.Kind))})
		}
		return r.render(http.StatusOK, "help_home", v)
	}
	for _, c := range help.Concepts() {
		v.Concepts = append(v.Concepts, helpEntry{c.Title, "/help/concepts/" + c.Slug, c.Summary})
	}
	return r.render(http.StatusOK, "help_home", v)
}

// shorten cuts a text to so many runes.
func shorten(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
}

type helpConceptView struct {
	HelpFrame
	Summary  string
	Chapters []help.Chapter
}

// helpConcept explains one idea.
func (w *Web) helpConcept(r *request) error {
	c, ok := help.ConceptFor(r.PathValue("concept"))
	if !ok {
		return fault.New(fault.NotFound, "There is no such page.")
	}
	frame, err := r.helpFrame("help.title", r.upToHelp())
	if err != nil {
		return err
	}
	frame.Title, frame.English = c.Title, true
	return r.render(http.StatusOK, "help_concept", helpConceptView{frame, c.Summary, c.Sections})
}

type helpErrorsView struct {
	HelpFrame
	Codes []helpCode
}

// A helpCode is an error code with what the person at the door is told.
type helpCode struct{ Code, What string }

// helpErrors lists the error codes.
func (w *Web) helpErrors(r *request) error {
	frame, err := r.helpFrame("help.codes", r.upToHelp())
	if err != nil {
		return err
	}
	v := helpErrorsView{HelpFrame: frame}
	codes := help.ErrorCodes()
	slices.Sort(codes)
	for _, code := range codes {
		what, _ := r.sentences(fault.New(fault.Code(code), ""))
		v.Codes = append(v.Codes, helpCode{code, what})
	}
	return r.render(http.StatusOK, "help_errors", v)
}

type helpErrorView struct {
	HelpFrame
	Code   string
	What   string
	Page   help.ErrorPage
	Advice []adviceRow
}

// An adviceRow is what to do with one kind of Identity Provider.
type adviceRow struct {
	Name, URL string
	Fix       string // in English
	Side      string
}

// helpError explains an error code: what causes it, on which side, and the fix,
// in general and with each Identity Provider.
func (w *Web) helpError(r *request) error {
	page, ok := help.Error(r.PathValue("code"))
	if !ok {
		return fault.New(fault.NotFound, "There is no such error code.")
	}
	frame, err := r.helpFrame("help.error.title", Link{r.text("help.codes"), "/help/errors"})
	if err != nil {
		return err
	}
	v := helpErrorView{HelpFrame: frame, Code: page.Code, Page: page, Advice: frame.advice(page.Code)}
	v.What, _ = r.sentences(fault.New(fault.Code(page.Code), ""))
	v.Title = page.Code
	return r.render(http.StatusOK, "help_error", v)
}

// advice is what to do about a code with each Identity Provider, where they
// differ in more than their names.
func (f Frame) advice(code string) (rows []adviceRow) {
	if !help.Differs(code) {
		return nil
	}
	for _, g := range help.Guides() {
		a := help.Advise(code, g.Slug)
		rows = append(rows, adviceRow{g.Name, "/help/guides/" + g.Slug, a.Fix, f.Word("advice_side", string(a.Side))})
	}
	return rows
}
