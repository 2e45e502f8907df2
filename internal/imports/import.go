package imports

import (
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/job"
)

// A Source is where the users come from.
type Source string

const (
	FromCSV    Source = "csv"
	FromDomain Source = "domain"
)

// An Import is one run over the rows of an upload.
type Import struct {
	ID             string // of its job
	OrganizationID string
	Source         Source
	DryRun         bool // nothing changes
	Invite         bool // who has to arrive yet gets an invitation
	Status         job.Status
	Code           fault.Code // why it failed
	Total, Done    int64      // rows; a total of 0 is not known yet
	Counts
	Undo       Undo
	CreatedBy  string // name of who asked for it
	CreatedAt  time.Time
	FinishedAt time.Time // zero: not yet

	uploadID  string
	domains   []string // for FromDomain: names
	position  int64    // number of the last row that was worked on
	atDomain  int      // for FromDomain: index of the domain
	afterUser string   // for FromDomain: the last user of that domain
}

// Counts are numbers of rows by what became of them.
type Counts struct {
	Created   int64
	Updated   int64 // became managed, or changed
	Unchanged int64 // repeated rows too
	Failed    int64
	// Unproved is how many of Updated had never proved their address and have
	// lost their password.
	Unproved int64
}

func (c *Counts) add(r directory.Brought) {
	switch r.Result {
	case directory.BroughtCreated:
		c.Created++
	case directory.BroughtUpdated:
		c.Updated++
	case directory.BroughtUnchanged:
		c.Unchanged++
	default:
		c.Failed++
	}
	if r.Unproved {
		c.Unproved++
	}
}

// An Undo is how far an import was taken back.
type Undo struct {
	JobID  string
	Status job.Status // empty: nobody has asked for it
	Undone int64
	Kept   int64 // what could not be taken back, or was changed since

	position int64 // from the last row to the first
}

func (i *Import) target() audit.Target {
	return audit.Target{Kind: "import", ID: i.ID, Name: string(i.Source)}
}

// A Row is a row of a file.
type Row struct {
	Number int64 // its line
	Email  string
	Name   string
	Role   string
	Cells  []string // as they were sent, below the header
	Fault  string   // why it is no row at all; empty: it is one

	first int64 // number of the first row with the same address; zero: this one
}

// A Result is what became of a row.
type Result struct {
	Row
	Result   directory.BroughtResult
	Code     fault.Code // where it failed
	Reason   string     // where it failed
	UserID   string     // or an invitation's
	Unproved bool
	Undone   string // undone, kept, or empty

	before directory.Before
}

// changed reports whether the row has changed anything.
func (r *Result) changed() bool {
	return r.Result == directory.BroughtCreated || r.Result == directory.BroughtUpdated
}
