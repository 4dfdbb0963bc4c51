-- The faces in a picture, as they were found when it was uploaded: [[x, y, width, height], ...]. NULL: nobody has looked.
ALTER TABLE uploads ADD COLUMN faces TEXT;
