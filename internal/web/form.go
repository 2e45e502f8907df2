package web

import (
	"net/http"
	"slices"

	"sallyport/internal/fault"
)

// A formView is a page with one form: to enter something, or to confirm what is
// about to be done.
type formView struct {
	AdminFrame
	Lead    []string // what it is about
	Points  []string // what will happen
	Errors  formErrors
	Action  string // where it is sent: to where it stands
	Fields  []formField
	Hidden  []hiddenInput
	Verb    string // on the button
	Danger  bool   // what is done can't be taken back, or takes something away
	Confirm bool   // a question: the focus is on Cancel
	Cancel  string // where Cancel leads
	// Fold is the heading of the fields that are folded away; empty: none are.
	Fold     string
	FoldOpen bool
}

// A fieldName names a field, and its element on the page.
type fieldName string

type hiddenInput struct {
	Name  fieldName
	Value string
}

// Kinds of fields.
const (
	fieldText     = "text"
	fieldEmail    = "email"
	fieldNumber   = "number"
	fieldSelect   = "select"
	fieldRadio    = "radio"
	fieldCheckbox = "checkbox"
	fieldSet      = "set" // several of the options
	fieldTextarea = "textarea"
	fieldFile     = "file"
)

type formField struct {
	Name                      fieldName
	Kind, Label, Hint, Value  string
	Error                     string
	Options                   []formOption
	Required, First, Checked  bool // First: has the focus
	Autocomplete, Placeholder string
	Max                       int    // characters
	Rows                      int    // of a text area
	Accept                    string // kinds of files
	Several                   bool   // files
	Folded                    bool
	word                      string
}

// A formOption is a choice of a field.
type formOption struct {
	Value, Text, Hint string
	Chosen            bool
}

// A form is a form of the Admin Center while its request is answered.
type form struct {
	*visit
	formView
	// page shows the form where it is part of another page; nil: it has one of
	// its own.
	page func(status int, v formView) error
}

// newForm begins the form of a page. Up is the page above, where Cancel leads.
func (v *visit) newForm(section, title, verb string, up Link) *form {
	f := &form{visit: v, formView: formView{AdminFrame: v.adminFrame(section, title), Action: v.here()}}
	f.Up, f.Cancel, f.Verb = up, up.URL, f.T(verb)
	return f
}

// newQuestion begins the form of a page that asks before something is done.
func (v *visit) newQuestion(section, title, verb string, up Link, name string) *form {
	f := v.newForm(section, title, verb, up)
	f.Title, f.Confirm, f.Danger = f.T(title, name), true, true
	return f
}

func (f *form) sent() bool { return f.Method == http.MethodPost }

// lead and point add sentences.
func (f *form) lead(key string, args ...any) { f.Lead = append(f.Lead, f.T(key, args...)) }

func (f *form) point(key string, args ...any) { f.Points = append(f.Points, f.T(key, args...)) }

// add adds a field. Its value is what was sent; before that what the link says
// that led here, else the value given.
func (f *form) add(field formField) *formField {
	name := string(field.Name)
	sent := f.PostForm
	if !f.sent() {
		sent = f.URL.Query()
	}
	values, given := sent[name]
	if f.sent() || given {
		field.Value, field.Checked = sent.Get(name), given
		for i := range field.Options {
			field.Options[i].Chosen = slices.Contains(values, field.Options[i].Value)
		}
	} else {
		for i := range field.Options {
			o := &field.Options[i]
			o.Chosen = o.Chosen || field.Kind != fieldSet && o.Value == field.Value
		}
	}
	field.First = len(f.Fields) == 0 && !f.Confirm
	f.Fields = append(f.Fields, field)
	return &f.Fields[len(f.Fields)-1]
}

// text adds a field for one line.
func (f *form) text(name fieldName, label, value string) *formField {
	return f.add(formField{Name: name, Kind: fieldText, Label: f.T(label), Value: value, Autocomplete: "off", Max: 200})
}

// acknowledge adds a box that has to be ticked.
func (f *form) acknowledge(key string) {
	f.add(formField{Name: "acknowledge", Kind: fieldCheckbox, Label: f.T(key), Required: true})
}

// acknowledged refuses a form without its tick.
func (f *form) acknowledged() error {
	if f.PostForm.Get("acknowledge") == "" {
		return fault.Invalid(fault.Field{Name: "acknowledge", Message: f.request.text("field.acknowledge.invalid")})
	}
	return nil
}

// chosen are the values of a field that takes several.
func (f *form) chosen(name string) []string { return f.PostForm[name] }

// show answers with the form: at first, or with what is wrong with what was
// sent. Any other error is the page of that error.
func (f *form) show(err error) error {
	if err == nil {
		return f.answer(http.StatusOK)
	}
	refused := fault.From(err)
	switch refused.Status() {
	case http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
	default:
		return err
	}
	status := f.note(err)
	f.Errors = f.formErrors(err)
	f.Reference = f.ResponseWriter.Header().Get("Sallyport-Reference")
	for i := range f.Errors {
		for j := range f.Fields {
			field := &f.Fields[j]
			if string(field.Name) != f.Errors[i].Field {
				continue
			}
			if text, ok := f.web.pages.catalog.find(f.Lang, "field."+field.word+"."+string(refused.Code)); ok && field.word != "" {
				f.Errors[i].Message = text
			}
			field.Error = f.Errors[i].Message
			f.FoldOpen = f.FoldOpen || field.Folded
		}
	}
	if len(f.Errors) == 0 {
		what, do := f.sentences(refused)
		f.Errors = formErrors{{Message: what + ". " + do}}
	}
	f.Confirm = false // the focus is on what is wrong
	return f.answer(status)
}

func (f *form) answer(status int) error {
	if f.page != nil {
		return f.page(status, f.formView)
	}
	return f.render(status, "admin_form", f.formView)
}
