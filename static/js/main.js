import { Viewer } from './viewer.js';

new Viewer(document).start();
