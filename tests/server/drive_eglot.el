;;; drive_eglot.el --- Uses dvm-server through Eglot, with no code of ours in Emacs  -*- lexical-binding: t; -*-
(require 'eglot)
(require 'json)

(defun tell (name value) (princ (concat (json-encode (list name value)) "\n")))

(setq eglot-server-programs
      `((text-mode . (,(getenv "TEST_PYTHON") "-m" "dvm_server" "--runtime" "mock"
                      :initializationOptions (:image "mock:latest"))))
      eglot-sync-connect t
      eglot-connect-timeout 60)
(find-file (expand-file-name "notes.txt" (getenv "TEST_FOLDER")))
(text-mode)
;; As M-x eglot does it, but for the questions: they differ from version to version.
(apply #'eglot (eglot--guess-contact))
(let ((server (eglot-current-server)))
  (tell "started" (plist-get (eglot-execute-command server "dvm.workspace.start" []) :status))
  (tell "exec" (plist-get (eglot-execute-command
                           server "dvm.workspace.exec" (vector '(:command ["echo" "through eglot"])))
                          :stdout))
  (tell "removed" (plist-get (eglot-execute-command server "dvm.workspace.remove" (vector '(:force t))) :status))
  (eglot-shutdown server nil 10))
(tell "end" t)
