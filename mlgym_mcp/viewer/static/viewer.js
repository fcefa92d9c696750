// What pages do beyond showing: they follow what goes on. Everything can be read without it.
