//! Journals as files, seen from outside.

mod crash;
mod damage;
mod faults;
mod order;
mod power;
mod story;
mod suite;
