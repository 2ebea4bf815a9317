//! Against a Docker Hub in a box.
