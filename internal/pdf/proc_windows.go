package pdf

import "os"

// stopSignals are for the service to answer, not for its readers.
var stopSignals = []os.Signal{os.Interrupt}

func executable() (string, error) { return os.Executable() }

// guardedBy: the parent's id is not to be had without racing its reuse; the end of standard
// input tells of its death.
func guardedBy(int) bool { return true }

func dropPrivileges() {}
