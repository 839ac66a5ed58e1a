;;; dvm.el --- Container workspaces with dvm-server  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "27.1"))
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Commands for the container workspace of the current project.  One server
;; serves the whole editor; the first command starts it.  The connection uses
;; jsonrpc.el, the library of Eglot, so every buffer keeps its own language
;; server.
;;
;;     (require 'dvm)
;;     (dvm-mode-line-mode 1)

;;; Code:

(require 'jsonrpc)
(require 'project)
(require 'subr-x)

(declare-function term-mode "term")
(declare-function term-char-mode "term")

(defgroup dvm nil "Container workspaces." :group 'tools)

(defcustom dvm-server-command '("dvm-server")
  "The command of the server."
  :type '(repeat string))

(defcustom dvm-runtime nil
  "The runtime, as for `dvm --runtime'; nil for the first one that answers."
  :type '(choice (const :tag "First one that answers" nil) string))

(defcustom dvm-image nil
  "The image for folders without a Dockerfile."
  :type '(choice (const nil) string))

(defvar dvm-changed-functions nil
  "Called with a plist (:workspace :cause :time) after each change of a workspace.")

(defvar dvm--connection nil)
(defvar dvm--runtime nil "The last dvm/runtimeChanged.")
(defvar dvm--statuses (make-hash-table :test 'equal) "Folder to the status of its workspace.")

(defun dvm--notified (_connection method params)
  "Handle a notification: METHOD is a symbol, PARAMS a plist."
  (pcase method
    ('dvm/workspaceChanged
     (clrhash dvm--statuses)
     (run-hook-with-args 'dvm-changed-functions params))
    ('dvm/runtimeChanged
     (clrhash dvm--statuses)
     (setq dvm--runtime params)))
  (force-mode-line-update t))

(defun dvm--requested (_connection _method _params)
  "Accept a request of the server."
  nil)

(defun dvm--connect ()
  "The connection to the server, which is started if necessary."
  (unless (and dvm--connection (jsonrpc-running-p dvm--connection))
    (setq dvm--connection
          (make-instance
           'jsonrpc-process-connection
           :name "dvm"
           :notification-dispatcher #'dvm--notified
           :request-dispatcher #'dvm--requested
           :on-shutdown (lambda (_) (setq dvm--connection nil dvm--runtime nil))
           :process (lambda ()
                      (make-process :name "dvm-server" :command dvm-server-command
                                    :connection-type 'pipe :coding 'utf-8-emacs-unix :noquery t
                                    :stderr (get-buffer-create " *dvm-server*")))))
    (jsonrpc-request
     dvm--connection :initialize
     (list :processId (emacs-pid)
           :rootUri nil
           :capabilities '(:workspace (:executeCommand (:dynamicRegistration :json-false)))
           :initializationOptions (list :runtime dvm-runtime :image dvm-image)))
    (jsonrpc-notify dvm--connection :initialized (make-hash-table)))
  dvm--connection)

(defun dvm-execute (command &optional argument timeout)
  "Run COMMAND of the server with ARGUMENT, a plist, and return its result.
Give up after TIMEOUT seconds, by default 1800: builds and pulls may take long.
Ask before the home folder is mounted, which the server refuses by default."
  (condition-case problem
      (jsonrpc-request (dvm--connect) :workspace/executeCommand
                       (list :command command :arguments (if argument (vector argument) []))
                       :timeout (or timeout 1800))
    (jsonrpc-error
     (let* ((facts (cddr problem))
            (data (alist-get 'jsonrpc-error-data facts)))
       (if (and (string-match-p "allowHome" (or (plist-get data :hint) ""))
                (not (plist-get argument :allowHome))
                (yes-or-no-p (format "DVM: %s.  Mount it? " (plist-get data :message))))
           (dvm-execute command (append argument '(:allowHome t)) timeout)
         (user-error "DVM: %s" (or (alist-get 'jsonrpc-error-message facts) (cadr problem))))))))

(defun dvm--folder ()
  "The folder of the current project, else the current one."
  (expand-file-name
   (if-let ((project (project-current)))
       (if (fboundp 'project-root) (project-root project) (car (with-no-warnings (project-roots project))))
     default-directory)))

(defun dvm--here ()
  "The argument for the workspace of the current project."
  (list :folder (directory-file-name (dvm--folder))))

(defun dvm--show (workspace)
  "Show the state of WORKSPACE."
  (clrhash dvm--statuses)
  (message "DVM: %s is %s" (plist-get workspace :workspace) (plist-get workspace :status))
  workspace)

;;;###autoload
(defun dvm-start ()
  "Start the current project's workspace; create it if necessary."
  (interactive)
  (dvm--show (dvm-execute "dvm.workspace.start" (dvm--here))))

;;;###autoload
(defun dvm-stop ()
  "Stop the current project's workspace."
  (interactive)
  (dvm--show (dvm-execute "dvm.workspace.stop" (dvm--here))))

;;;###autoload
(defun dvm-restart ()
  "Restart the current project's workspace."
  (interactive)
  (dvm--show (dvm-execute "dvm.workspace.restart" (dvm--here))))

;;;###autoload
(defun dvm-remove (force)
  "Remove the current project's workspace.
With a prefix argument FORCE, a running one too."
  (interactive "P")
  (dvm--show (dvm-execute "dvm.workspace.remove" (append (dvm--here) (list :force (if force t :json-false))))))

(defun dvm-status ()
  "The status of the current project's workspace, as a string."
  (interactive)
  (let* ((workspace (dvm-execute "dvm.workspace.status" (dvm--here) 30))
         (status (plist-get workspace :status)))
    (when (called-interactively-p 'interactive) (dvm--show workspace))
    status))

;;;###autoload
(defun dvm-list ()
  "Every workspace; interactively, in a buffer."
  (interactive)
  (let ((workspaces (append (dvm-execute "dvm.workspace.list" nil 60) nil)))
    (when (called-interactively-p 'interactive)
      (with-help-window "*dvm workspaces*"
        (dolist (one workspaces)
          (princ (format "%-40s %-10s %s\n" (plist-get one :name) (plist-get one :status) (plist-get one :image))))))
    workspaces))

;;;###autoload
(defun dvm-shell-command (command)
  "Run COMMAND, a line for sh, in the current project's workspace.
Its output is shown; the value is its exit code."
  (interactive "sIn the workspace: ")
  (let ((result (dvm-execute "dvm.workspace.exec"
                             (append (dvm--here) (list :command (vector "sh" "-c" command))))))
    (with-current-buffer (get-buffer-create "*dvm output*")
      (erase-buffer)
      (insert (plist-get result :stdout) (plist-get result :stderr))
      (when (called-interactively-p 'interactive) (display-buffer (current-buffer))))
    (plist-get result :exitCode)))

;;;###autoload
(defun dvm-terminal ()
  "Open a shell in the current project's workspace."
  (interactive)
  (let* ((plan (dvm-execute "dvm.workspace.attach" (dvm--here)))
         (default-directory (file-name-as-directory (plist-get plan :cwd)))
         (process-environment (append (dvm--environment (plist-get plan :env)) process-environment)))
    (require 'term)
    (let ((buffer (apply #'make-term "dvm" (plist-get plan :program) nil (append (plist-get plan :args) nil))))
      (with-current-buffer buffer (term-mode) (term-char-mode))
      (pop-to-buffer buffer))))

(defun dvm--environment (plist)
  "The variables of PLIST in the form of `process-environment'."
  (let (found)
    (while plist
      (push (format "%s=%s" (substring (symbol-name (pop plist)) 1) (pop plist)) found))
    found))

;;;###autoload
(defun dvm-select-runtime (runtime)
  "Use another RUNTIME from now on."
  (interactive "sRuntime: ")
  (let ((info (dvm-execute "dvm.runtime.select" (list :runtime runtime))))
    (message "DVM: %s %s" (plist-get info :platformName) (plist-get info :version))))

(defun dvm-disconnect ()
  "End the server.  Workspaces are not changed."
  (interactive)
  (when (and dvm--connection (jsonrpc-running-p dvm--connection))
    (jsonrpc-request dvm--connection :shutdown nil :timeout 5)
    (jsonrpc-notify dvm--connection :exit nil)
    (jsonrpc-shutdown dvm--connection)
    (setq dvm--connection nil)))

(add-hook 'kill-emacs-hook #'dvm-disconnect)

(defun dvm-mode-line ()
  "The state of the current project's workspace, for the mode line."
  (let ((folder (directory-file-name (dvm--folder))))
    (cond
     ((not (and dvm--connection (jsonrpc-running-p dvm--connection))) "")
     ((equal (plist-get dvm--runtime :state) "unavailable") " DVM: no engine")
     (t
      (unless (gethash folder dvm--statuses)
        (puthash folder "" dvm--statuses)
        (jsonrpc-async-request
         dvm--connection :workspace/executeCommand
         (list :command "dvm.workspace.status" :arguments (vector (list :folder folder)))
         :success-fn (lambda (workspace)
                       (puthash folder (format " DVM: %s" (plist-get workspace :status)) dvm--statuses)
                       (force-mode-line-update t))
         :error-fn #'ignore))
      (gethash folder dvm--statuses)))))

;;;###autoload
(define-minor-mode dvm-mode-line-mode
  "Show the state of the current project's workspace in the mode line."
  :global t
  (if dvm-mode-line-mode
      (add-to-list 'global-mode-string '(:eval (dvm-mode-line)) t)
    (setq global-mode-string (delete '(:eval (dvm-mode-line)) global-mode-string))))

(provide 'dvm)
;;; dvm.el ends here
