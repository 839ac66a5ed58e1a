#!/bin/sh
# The sample app: it tells where it runs and what it can see of its project.
echo "Hello from $(cat /etc/hostname), which has these files of yours:"
ls /workspace
