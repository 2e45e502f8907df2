package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/imports"
	"sallyport/internal/job"
	"sallyport/internal/sheet"
)

// importTemplate is the file that people begin with.
const importTemplate = "email,name,role\nuser@example.com,Test User,member\n"

func (w *Web) adminImportTemplate(v *visit) error {
	_, err := io.WriteString(v.download("template.csv"), importTemplate)
	return err
}

// download makes the answer a CSV file to keep.
func (v *visit) download(name string) io.Writer {
	return door.File(v.ResponseWriter, sheet.Kind, name)
}

type importsView struct {
	AdminFrame
	Domains []formOption // verified ones
	Imports []importRow
	Errors  formErrors
}

type importRow struct {
	URL, What, Status, By string
	Began                 time.Time
	DryRun                bool
}

// adminImports offers the two ways to import users, and lists past imports.
func (w *Web) adminImports(v *visit) error { return v.showImports(http.StatusOK, nil) }

func (v *visit) showImports(status int, wrong formErrors) error {
	view := importsView{AdminFrame: v.adminFrame("users", "imports.title"), Errors: wrong}
	view.Up, view.Reference = v.upToUsers(), v.ResponseWriter.Header().Get("Sallyport-Reference")
	domains, err := v.web.Directory.Domains(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if d.Status == access.DomainVerified {
			view.Domains = append(view.Domains, formOption{Value: d.ID, Text: d.Name, Chosen: true})
		}
	}
	list, err := v.web.Imports.Imports(v.Context(), v.actor(), v.organization.ID, directory.Page{Limit: 20})
	if err != nil {
		return err
	}
	for _, i := range list {
		view.Imports = append(view.Imports, importRow{URL: v.base + "/imports/" + i.ID, What: view.Word("import", string(i.Source)),
			Status: view.Word("import_status", string(i.Status)), By: i.CreatedBy, Began: i.CreatedAt, DryRun: i.DryRun})
	}
	return v.render(status, "admin_imports", view)
}

// uploadTime is how long a file may take to come.
const uploadTime = 10 * time.Minute

// adminUpload takes a file, as it comes, and begins a dry run over it.
func (w *Web) adminUpload(v *visit) error {
	i, err := v.upload()
	if err != nil {
		// A browser that is not done sending shows no answer.
		_, _ = io.Copy(io.Discard, v.Request.Body)
	}
	return v.begun(i, err)
}

func (v *visit) upload() (i imports.Import, err error) {
	c := http.NewResponseController(v.ResponseWriter)
	// Where the listener can't, its own limits count.
	_ = c.SetReadDeadline(time.Now().Add(uploadTime))
	_ = c.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
	v.allowBody(imports.MaxBytes + maxForm)
	parts, err := v.MultipartReader()
	if err != nil {
		return i, fault.Wrap(err, fault.Malformed, "")
	}
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return i, fault.Invalid(fault.Field{Name: "file", Message: v.request.text("imports.no_file")})
		case err != nil:
			return i, uploadFault(err)
		case part.FormName() == "file":
			if part.FileName() == "" {
				return i, fault.Invalid(fault.Field{Name: "file", Message: v.request.text("imports.no_file")})
			}
			return v.web.Imports.ImportCSV(v.Context(), v.actor(), v.organization.ID, part, imports.Options{DryRun: true})
		}
	}
}

// uploadFault says why a form can't be read to its end.
func uploadFault(err error) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return fault.New(fault.TooLarge, "The file has more than 32 MiB. Split it.")
	}
	return fault.Wrap(err, fault.Malformed, "The file broke off.")
}

// begun leads to an import that has begun, or says why it has not.
func (v *visit) begun(i imports.Import, err error) error {
	if err == nil {
		return v.to("/imports/" + i.ID)
	}
	refused := fault.From(err)
	switch refused.Status() {
	case http.StatusConflict, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
	default:
		return err
	}
	status := v.note(err)
	wrong := v.formErrors(err)
	if len(wrong) == 0 {
		what, do := v.sentences(refused)
		wrong = formErrors{{Message: what + ". " + do}}
	}
	return v.showImports(status, wrong)
}

// adminImportDomains begins a dry run over the independent users at verified
// domains.
func (w *Web) adminImportDomains(v *visit) error {
	chosen := v.PostForm["domain_ids"]
	if len(chosen) == 0 {
		return v.begun(imports.Import{}, fault.Invalid(fault.Field{Name: "domain_ids", Message: v.request.text("imports.no_domain")}))
	}
	return v.begun(w.Imports.ImportDomains(v.Context(), v.actor(), v.organization.ID, chosen, imports.Options{DryRun: true}))
}

type importView struct {
	AdminFrame
	Path      string
	What      string
	DryRun    bool
	Open      bool // not at its end yet
	Failed    string
	Total     int64 // 0: not known yet
	Worked    int64 // rows
	Progress  string
	Groups    []importGroup
	Unproved  int64
	Broken    int64 // rows
	Confirm   bool  // can be confirmed
	CanUndo   bool
	Undoing   bool
	Undone    int64
	Kept      int64
	WasUndone bool
}

// An importGroup are the rows that became the same, the first of them shown.
type importGroup struct {
	Title, URL string
	Rows       []importedRow
	More       string
}

type importedRow struct {
	Line, Email, Name, Reason, URL string
}

// firstRows is how many rows of each result a page shows.
const firstRows = 5

// imported reads the import that the path names.
func (v *visit) imported() (imports.Import, error) {
	if !id.Job.Valid(v.PathValue("import")) {
		return imports.Import{}, fault.New(fault.NotFound, "")
	}
	return v.web.Imports.Import(v.Context(), v.actor(), v.PathValue("import"))
}

// adminImport shows how far an import is, and what came of it.
func (w *Web) adminImport(v *visit) error {
	i, err := v.imported()
	if err != nil {
		return err
	}
	view := importView{AdminFrame: v.adminFrame("users", "imports.title"), Path: v.base + "/imports/" + i.ID, DryRun: i.DryRun, Open: i.Open(),
		Total: i.Total, Worked: i.Done, Unproved: i.Unproved, Broken: i.Failed}
	view.What = view.Word("import", string(i.Source))
	view.Up = Link{view.T("imports.title"), v.base + "/imports"}
	view.Title = view.T("imports.import")
	if i.DryRun {
		view.Title = view.T("imports.dry_run")
	}
	view.Undoing = i.Undo.Status == job.Queued || i.Undo.Status == job.Running
	view.WasUndone, view.Undone, view.Kept = i.Undo.Status != "", i.Undo.Undone, i.Undo.Kept
	if view.Open || view.Undoing {
		view.Refresh = 2
		view.progress(&i)
	}
	if i.Status == job.Failed {
		view.Failed, _ = v.sentences(fault.New(i.Code, ""))
	}
	changes := i.Created + i.Updated
	view.Confirm = i.DryRun && i.Status == job.Done && changes > 0
	view.CanUndo = !i.DryRun && i.Status == job.Done && changes > 0 && !view.WasUndone
	if !view.Open {
		if err := view.groups(v, &i); err != nil {
			return err
		}
	}
	return v.render(http.StatusOK, "admin_import", view)
}

// progress says how far it is, in steps that a screen reader can be told.
func (view *importView) progress(i *imports.Import) {
	switch {
	case view.Undoing:
		view.Progress = view.T("imports.undoing")
	case i.Status == job.Queued:
		view.Progress = view.T("imports.queued")
	case i.Total == 0:
		view.Progress = view.T("imports.running")
	default:
		view.Progress = view.T("imports.percent", view.Number(i.Done*4/i.Total*25))
	}
}

// groups shows the first rows of each result.
func (view *importView) groups(v *visit, i *imports.Import) error {
	tense := "import_group"
	if i.DryRun {
		tense = "import_would"
	}
	for _, g := range []struct {
		result directory.BroughtResult
		n      int64
	}{{directory.BroughtFailed, i.Failed}, {directory.BroughtCreated, i.Created}, {directory.BroughtUpdated, i.Updated}, {directory.BroughtUnchanged, i.Unchanged}} {
		group := importGroup{Title: view.Word(tense, string(g.result)) + ": " + view.Number(g.n)}
		if g.n > 0 {
			rows, err := v.web.Imports.Results(v.Context(), v.actor(), imports.ResultQuery{ImportID: i.ID, Result: g.result, Limit: firstRows})
			if err != nil {
				return err
			}
			for _, r := range rows {
				row := importedRow{Line: view.Number(r.Number), Email: r.Email, Name: r.Name, Reason: r.Reason}
				if id.User.Valid(r.UserID) || id.Invitation.Valid(r.UserID) {
					row.URL = v.base + "/users/" + r.UserID
				}
				group.Rows = append(group.Rows, row)
			}
			if n := g.n - int64(len(rows)); n > 0 && len(rows) > 0 {
				group.More = view.T("imports.more", view.Number(n))
			}
			group.URL = "rows.csv?" + url.Values{"result": {string(g.result)}}.Encode()
		}
		view.Groups = append(view.Groups, group)
	}
	return nil
}

// adminImportRows is the file with every row and its result, or with those of
// one result.
func (w *Web) adminImportRows(v *visit) error {
	i, err := v.imported()
	if err != nil {
		return err
	}
	q := imports.ResultQuery{ImportID: i.ID, Result: directory.BroughtResult(v.URL.Query().Get("result"))}
	name := "import.csv"
	if q.Result == directory.BroughtFailed {
		name = "errors.csv"
	}
	return w.Imports.File(v.Context(), v.actor(), q, func() io.Writer { return v.download(name) })
}

// adminConfirmImport does what a dry run has shown.
func (w *Web) adminConfirmImport(v *visit) error {
	i, err := v.imported()
	if err != nil {
		return err
	}
	path := v.base + "/imports/" + i.ID
	f := v.newForm("users", "imports.confirm", "imports.confirm", Link{v.request.text("imports.dry_run"), path})
	f.point("imports.confirm_what", f.Number(i.Created), f.Number(i.Updated))
	if i.Unproved > 0 {
		f.point("imports.confirm_unproved", f.Number(i.Unproved))
	}
	if i.Failed > 0 {
		f.point("imports.confirm_failed", f.Number(i.Failed))
	}
	f.point("imports.confirm_undo")
	f.add(formField{Name: "invite", Kind: fieldCheckbox, Label: f.T("imports.invite"), Hint: f.T("imports.invite_hint"), Checked: true})
	if !f.sent() {
		return f.show(nil)
	}
	begun, err := w.Imports.Confirm(v.Context(), v.actor(), i.ID, v.PostFormValue("invite") == "")
	if err != nil {
		return f.show(err)
	}
	return v.to("/imports/" + begun.ID)
}

// adminUndoImport takes an import back.
func (w *Web) adminUndoImport(v *visit) error {
	i, err := v.imported()
	if err != nil {
		return err
	}
	f := v.newQuestion("users", "imports.undo_title", "imports.undo", Link{v.request.text("imports.import"), v.base + "/imports/" + i.ID}, "")
	f.Title = f.T("imports.undo_title")
	f.point("imports.undo_what")
	f.point("imports.undo_kept")
	if !f.sent() {
		return f.show(nil)
	}
	if _, err := w.Imports.UndoImport(v.Context(), v.actor(), i.ID); err != nil {
		return f.show(err)
	}
	return v.to("/imports/" + i.ID)
}
