/**
 * A folder of a disk as a disk of its own: what works with a data directory at the root of a disk
 * works with one in a folder, and files can be given second names across folders.
 */
import type { Disk } from '../base/seam.ts';

/** The disk whose root is the folder `folder` of `disk`. */
export function below(disk: Disk, folder: string): Disk {
  const at = (path: string): string =>
    folder === '' || path === '' ? `${folder}${path}` : `${folder}/${path}`;
  return {
    open: (path) => disk.open(at(path)),
    create: (path) => disk.create(at(path)),
    identity: (path) => disk.identity(at(path)),
    list: (path) => disk.list(at(path)),
    makeFolder: (path) => disk.makeFolder(at(path)),
    rename: (from, to) => disk.rename(at(from), at(to)),
    link: (from, to) => disk.link(at(from), at(to)),
    remove: (path) => disk.remove(at(path)),
    syncFolder: (path) => disk.syncFolder(at(path)),
  };
}
