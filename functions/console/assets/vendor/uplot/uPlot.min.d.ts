// The kit gives uPlot numbers and colours only, so its options need no types of their own.
declare const uPlot: any;
export default uPlot;
