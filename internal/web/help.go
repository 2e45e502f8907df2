package web

import (
	"net/http"

	"sallyport/help"
	"sallyport/internal/fault"
)

// A HelpFrame is the frame of a page of /help, with its search.
type HelpFrame struct {
	Frame
	Up    Link
	Query string
}

type helpErrorView struct {
	Frame
	Code  string
	What  string
	Page  help.ErrorPage
	Sides string
}

// helpError explains an error code: what causes it, on which side, and the fix.
func (w *Web) helpError(r *request) error {
	page, ok := help.Error(r.PathValue("code"))
	if !ok {
		return fault.New(fault.NotFound, "There is no such error code.")
	}
	if _, err := r.visitor(); err != nil {
		return err
	}
	v := helpErrorView{Frame: r.frame("help.error.title"), Code: page.Code, Page: page}
	v.What, _ = r.sentences(fault.New(fault.Code(page.Code), ""))
	v.Title = page.Code
	return r.render(http.StatusOK, "help_error", v)
}
